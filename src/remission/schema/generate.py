"""Makes the schemas from the pydantic models: quantities, days, dates and conditions become patterned text."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from remission.base.units import UNITS, Quantity
from remission.protocol.conditions import CALLS, FLAGS, NAMES, NUMBERS, Condition
from remission.schema import KINDS

NUMBER = r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?"
DAY = r"[0-9]{1,4}( *- *[0-9]{1,4})?"
_SPELLINGS = {"time": ("days?", "weeks?", "months?", "years?", "hours?"), "mass": ("µg", "μg", "mcg"), "activity": ("U",)}


def generate() -> dict[str, str]:
    """Text of every schema by kind, the same for the same models."""
    from remission.engine import Parameter
    from remission.evidence import ENDPOINTS, TrialEvidence
    from remission.patients import Population
    from remission.protocol import Block, Drug, Regimen
    from remission.protocol.editing.like import Like

    made = {"regimen": _either(_schema(Regimen), _schema(Like)), "block": _schema(Block), "drug": _schema(Drug),
            "trial": _schema(TrialEvidence), "population": _schema(Population), "parameters": _schema(dict[str, list[Parameter]])}
    made["trial"]["$defs"]["Result"]["properties"]["endpoint"]["enum"] = list(ENDPOINTS)
    made["drug"]["properties"]["units"]["items"]["enum"] = list(UNITS)
    assert set(made) == set(KINDS)
    return {kind: _text(kind, schema) for kind, schema in made.items()}


def _schema(model: type[BaseModel] | Any) -> dict[str, Any]:
    made: dict[str, Any] = TypeAdapter(model).json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    return made


def _either(regimen: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """A regimen written out, or one that is like another: an editor sees the errors of the one that is meant."""
    shared = {**like.pop("$defs", {}), **regimen.pop("$defs", {})}
    return {"if": {"required": ["like"]}, "then": {"$ref": "#/$defs/Like"}, "else": {"$ref": "#/$defs/Regimen"}, "type": "object",
            "$defs": {**shared, "Like": like, "Regimen": regimen}}


def _text(kind: str, schema: dict[str, Any]) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Remission {kind}",
            "$comment": "made by tools/schema; do not edit"}
    body = {key: value for key, value in schema.items() if key not in head}
    return json.dumps({**head, **_tidy(body)}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _tidy(value: Any) -> Any:
    """Without pydantic's titles, which only repeat the keys; docstrings on one line."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    properties = isinstance(value.get("properties"), dict)
    kept = {key: item for key, item in value.items() if not (key == "title" and isinstance(item, str))}
    out = {key: _tidy(item) for key, item in kept.items()}
    if properties:
        out["properties"] = {key: _tidy(item) for key, item in value["properties"].items()}
    if isinstance(out.get("description"), str):
        out["description"] = " ".join(out["description"].split())
    return out


class _Generator(GenerateJsonSchema):
    """Knows the values that are written as text: quantities by dimension, conditions, days, dates."""

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        function = schema["function"]["function"]
        owner = getattr(function, "__self__", None)
        if owner is Quantity:
            return quantity(())
        if owner is Condition:
            return {"type": "string", "pattern": condition(), "description": "known names: " + ", ".join(NAMES)}
        return super().function_plain_schema(schema)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        function = schema["function"]["function"]
        dimensions = inspect.getclosurevars(function).nonlocals.get("dimensions") if inspect.isfunction(function) else None
        if dimensions is not None:
            return quantity(dimensions)
        name = getattr(function, "__name__", "")
        if name == "_days":
            day = {"type": "integer", "minimum": 1}
            written = {"type": "string", "pattern": f"^ *{DAY}( *, *{DAY})* *$"}
            return {"anyOf": [day, written, {"type": "array", "items": {"anyOf": [day, written]}, "minItems": 1}],
                    "description": "days of the phase, from 1: 3, [1, 8] or '1-3, 8'"}
        return super().function_before_schema(schema)


def quantity(dimensions: tuple[str, ...]) -> JsonSchemaValue:
    """Text of a number and a unit of one of these dimensions (any unit for none)."""
    fitting = [(unit, dimension) for unit, (dimension, _) in UNITS.items() if not dimensions or dimension in dimensions]
    spelled = [text for dimension in dict.fromkeys(dimension for _, dimension in fitting) for text in _SPELLINGS.get(dimension, ())]
    units = "|".join([*(_escaped(unit) for unit, _ in fitting), *spelled])
    what = " or ".join(dict.fromkeys(dimension for _, dimension in fitting)) if dimensions else "any quantity"
    return {"type": "string", "pattern": f"^ *{NUMBER} *({units}) *$", "description": f"a number and a unit: {what}"}


def _escaped(unit: str) -> str:
    """A unit as a pattern; the micro sign may stand for its u."""
    return re.sub(r"\bug", "(u|µ|μ|mc)g", unit)


def condition() -> str:
    """A pattern of conditions: right words and signs in any order. The grammar itself is checked by `remission check`."""
    from remission.protocol.conditions import CHOICES

    choices = {value for values in CHOICES.values() for value in values} | {"negative", "positive"}
    calls = "|".join(sorted(CALLS))
    words = "|".join(sorted({"and", "or", "not", *NUMBERS, *FLAGS, *CHOICES, *choices}, key=lambda word: (-len(word), word)))
    token = rf"(({calls}) *\( *[A-Za-z][A-Za-z0-9_-]* *\)|({words}|mrd)\b|<=|>=|!=|[<>](?!=)|[=()]|{NUMBER}(?![0-9.eE]))"
    return rf"^ *({token} *)+$"

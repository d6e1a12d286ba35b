"""A small validator for the part of JSON Schema that the catalog's schemas use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def problems(schema: Mapping[str, Any], data: Any, root: Mapping[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """Every way in which `data` does not fit."""
    root = root or schema
    if "$ref" in schema:
        yield from problems(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], data, root, at)
    if "if" in schema:
        yield from problems(schema["then" if not list(problems(schema["if"], data, root)) else "else"], data, root, at)
    if "anyOf" in schema and all(list(problems(option, data, root, at)) for option in schema["anyOf"]):
        yield f"{at}: {data!r} fits no choice"
    if "type" in schema and not _is(schema["type"], data):
        yield f"{at}: {data!r} is no {schema['type']}"
        return
    if "enum" in schema and data not in schema["enum"]:
        yield f"{at}: {data!r} is not one of {schema['enum'][:5]}"
    if "const" in schema and data != schema["const"]:
        yield f"{at}: {data!r} is not {schema['const']!r}"
    if isinstance(data, str) and "pattern" in schema and not re.search(schema["pattern"], data):
        yield f"{at}: {data!r} does not match {schema['pattern'][:40]}"
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        yield from _limits(schema, data, at)
    if isinstance(data, list):
        yield from _items(schema, data, root, at)
    if isinstance(data, dict):
        yield from _keys(schema, data, root, at)


def _is(name: str, data: Any) -> bool:
    if name in ("number", "integer"):
        return isinstance(data, (int, float) if name == "number" else int) and not isinstance(data, bool)
    return isinstance(data, _TYPES[name])


def _limits(schema: Mapping[str, Any], data: float, at: str) -> Iterator[str]:
    broken = (data < schema.get("minimum", data), data > schema.get("maximum", data), data <= schema.get("exclusiveMinimum", data - 1),
              data >= schema.get("exclusiveMaximum", data + 1))
    if any(broken):
        yield f"{at}: {data} is out of range"


def _items(schema: Mapping[str, Any], data: list[Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    if len(data) < schema.get("minItems", 0) or len(data) > schema.get("maxItems", len(data)):
        yield f"{at}: {len(data)} items"
    for index, item in enumerate(data):
        prefix = schema.get("prefixItems", [])
        yield from problems(prefix[index] if index < len(prefix) else schema.get("items", {}), item, root, f"{at}[{index}]")


def _keys(schema: Mapping[str, Any], data: dict[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at}: '{key}' is missing" for key in schema.get("required", []) if key not in data)
    for key, value in data.items():
        yield from problems(schema.get("propertyNames", {}), key, root, f"{at}.{key}")
        known = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        if key in known:
            yield from problems(known[key], value, root, f"{at}.{key}")
        elif more is False:
            yield f"{at}: unknown key '{key}'"
        elif isinstance(more, dict):
            yield from problems(more, value, root, f"{at}.{key}")

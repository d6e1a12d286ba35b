"""Ids of the catalog across its kinds, with their titles."""

from __future__ import annotations

from typing import Any

KINDS = ("regimen", "trial", "drug", "block", "population", "source", "parameter", "claim")
"""Kinds in order of preference when an id exists in several."""


def plural(kind: str) -> str:
    """'regimens' for 'regimen'."""
    return kind if kind == "parameters" else kind + "s"


def identifiers(kind: str) -> tuple[str, ...]:
    """Every id of a kind."""
    from remission.base import catalog

    if kind == "claim":
        return tuple(claims())
    return tuple(parameters()) if kind == "parameter" else catalog.ids(plural(kind))


def claims() -> dict[str, dict[str, Any]]:
    """The review's statements by id, as written, in the order of their file."""
    from remission.base import catalog, files

    return {str(entry["id"]): entry for entry in files.read(catalog.root() / "claims.yaml").data["claims"]}


def parameters() -> dict[str, dict[str, Any]]:
    """The entries of the parameter file by name, as written, in its order."""
    from remission.base import catalog, files

    data = files.read(catalog.root() / "parameters.yaml").data
    return {str(entry["name"]): {"group": group, **entry} for group, entries in data.items() for entry in entries}


def kinds_of(identifier: str) -> tuple[str, ...]:
    """The kinds in which an id exists. Raises NotFound with the nearest id of any kind."""
    from remission.base.errors import NotFound, nearest

    found = tuple(kind for kind in KINDS if identifier in identifiers(kind))
    if not found:
        known = [name for kind in KINDS for name in identifiers(kind)]
        raise NotFound(f"unknown id '{identifier[:60]}'", where="catalog", why="no " + ", ".join(KINDS) + " has it",
                       near=nearest(identifier, known), fix="list the ids with: remission list regimens")
    return found


def entries(kind: str) -> list[dict[str, Any]]:
    """Id, title and a few plain facts of every entry, as written in its file."""
    from remission.base import catalog, files

    if kind == "parameter":
        return [{"id": name, "title": entry["about"], "unit": entry["unit"], "basis": entry["basis"], "group": entry["group"]}
                for name, entry in parameters().items()]
    if kind == "claim":
        return [{"id": name, "title": item["title"], "statement": " ".join(item["statement"].split()), "source": item["source"]["ref"],
                 "at": item["source"]["at"], "parts": len(item["parts"])} for name, item in claims().items()]
    found = []
    for identifier in catalog.ids(plural(kind)):
        data = files.read(catalog.path(plural(kind), identifier)).data
        found.append({"id": identifier, "title": str(data.get("title", ""))} | _facts(kind, data))
    return found


def _facts(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    if kind == "regimen":
        return {"ph": data.get("ph"), "trial": data.get("trial"), "like": data.get("like")}
    if kind == "trial":
        design = data.get("design") or {}
        return {"status": design.get("status"), "arms": list(design.get("arms") or {})}
    if kind == "drug":
        return {"class": data.get("class"), "mechanism": data.get("mechanism")}
    if kind == "block":
        return {"length": data.get("length"), "chemotherapy": data.get("chemotherapy")}
    if kind == "population":
        return {"ph": data.get("ph"), "median_age": (data.get("age") or {}).get("median")}
    return {"where": data.get("where"), "published": str(data.get("published", "")), "read_as": data.get("read_as")}

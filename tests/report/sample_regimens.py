"""INVENTED DATA for the report's tests: regimens of a realistic shape that nobody was treated with."""

from __future__ import annotations

from typing import Any


def dose(
    days: list[int], drug: str, amount: float | None, unit: str, route: str, per_day: int = 1
) -> list[dict[str, Any]]:
    """Administrations of one drug on the given absolute days."""
    return [
        {"day": day, "drug": drug, "dose": amount, "unit": unit, "route": route, "per_day": per_day} for day in days
    ]


def phase(number: int, title: str, start: int | None, length: int, purpose: str, **more: Any) -> dict[str, Any]:
    """One phase of a resolved plan."""
    return {
        "id": f"p{number}",
        "title": title,
        "start": start,
        "length": length,
        "purpose": purpose,
        "chemotherapy": "none",
        "administrations": more.get("give", []),
        "assessments": more.get("assess", []),
        "branches": more.get("then", []),
        "only": more.get("only"),
        "share": more.get("share"),
    }


def _infusion(start: int, low_days: int = 0) -> list[dict[str, Any]]:
    low = dose(list(range(start, start + low_days)), "blinatumomab", 9, "ug/d", "civ")
    return low + dose(list(range(start + low_days, start + 28)), "blinatumomab", 28, "ug/d", "civ")


def _induction(start: int) -> dict[str, Any]:
    weekly = [start, start + 7, start + 14, start + 21]
    give = (
        dose([start], "cytarabine", 70, "mg", "it")
        + dose(weekly, "daunorubicin", 60, "mg/m2", "iv")
        + dose(weekly, "vincristine", 1.4, "mg/m2", "iv")
        + dose([*range(start, start + 7), *range(start + 14, start + 21)], "dexamethasone", 10, "mg/m2", "po")
        + dose([start + 13], "methotrexate", 12.5, "mg", "it")
        + dose([start + 17], "pegaspargase", 2000, "IU/m2", "iv")
    )
    return phase(
        1,
        "Induction, first cycle",
        start,
        28,
        "induction",
        give=give,
        assess=[{"name": "day-15-marrow", "what": "marrow-blasts", "day": start + 14}],
    )


def _induction_two(start: int) -> dict[str, Any]:
    give = (
        dose([start, start + 14, start + 28], "cyclophosphamide", 650, "mg/m2", "iv")
        + dose([start + d for d in (0, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 17)], "cytarabine", 75, "mg/m2", "iv")
        + dose(list(range(start, start + 28)), "mercaptopurine", 60, "mg/m2", "po")
        + dose([start, start + 7, start + 14, start + 21], "methotrexate", 12.5, "mg", "it")
    )
    return phase(
        2,
        "Induction, second cycle",
        start,
        35,
        "induction",
        give=give,
        assess=[{"name": "end-induction", "what": "remission", "day": start + 34}],
        then=[{"if": "not cr(end-induction)", "stop": "refractory"}],
    )


def _chemo(number: int, start: int, cycle: int) -> dict[str, Any]:
    days = list(range(start, start + 5))
    give = (
        dose(days, "cytarabine", 75, "mg/m2", "iv")
        + dose(days, "etoposide", 100, "mg/m2", "iv")
        + dose([start], "methotrexate", 12.5, "mg", "it")
    )
    return phase(number, f"Chemotherapy {cycle}", start, 28, "consolidation", give=give)


def _blina(number: int, start: int, cycle: int, **more: Any) -> dict[str, Any]:
    return phase(number, f"Blinatumomab {cycle}", start, 42, "consolidation", give=_infusion(start), **more)


def _maintenance(number: int, start: int, cycle: int) -> dict[str, Any]:
    give = (
        dose(list(range(start, start + 84)), "mercaptopurine", 75, "mg/m2", "po")
        + dose(list(range(start, start + 84, 7)), "methotrexate", 20, "mg/m2", "po")
        + dose([start], "vincristine", 1.4, "mg/m2", "iv")
        + dose(list(range(start, start + 5)), "prednisone", 60, "mg/m2", "po")
        + dose([start], "methotrexate", 12.5, "mg", "it")
    )
    return phase(number, f"Maintenance {cycle}", start, 84, "maintenance", give=give)


def long_regimen() -> dict[str, Any]:
    """A chemotherapy and blinatumomab regimen with intensification, branches, transplant and maintenance."""
    intensification = phase(
        3,
        "Intensification",
        64,
        28,
        "intensification",
        give=dose([64, 71], "methotrexate", 3, "g/m2", "iv") + dose([72], "pegaspargase", 2000, "IU/m2", "iv"),
        assess=[
            {"name": "post-intensification", "what": "mrd", "day": 91},
            {"name": "end-intensification-cr", "what": "remission", "day": 91},
        ],
        then=[
            {"if": "mrd(post-intensification) >= 1e-4", "go": "p4"},
            {"if": "donor and adverse_genetics", "go": "p12"},
        ],
    )
    phases = [
        _induction(1),
        _induction_two(29),
        intensification,
        _blina(4, 92, 1, assess=[{"name": "post-blina-1", "what": "mrd", "day": 133}]),
        _blina(5, 134, 2, assess=[{"name": "post-blina-2", "what": "mrd", "day": 175}]),
        _chemo(6, 176, 1),
        _chemo(7, 204, 2),
        _chemo(8, 232, 3),
        _blina(9, 260, 3),
        _chemo(10, 302, 4),
        _blina(11, 330, 4, assess=[{"name": "end-consolidation", "what": "mrd", "day": 371}]),
        phase(
            12,
            "Allogeneic transplantation",
            372,
            30,
            "transplant",
            only="donor and adverse_genetics",
            share="20 %",
        ),
        *[_maintenance(13 + i, 402 + 84 * i, i + 1) for i in range(7)],
    ]
    return {
        "id": "invented-long",
        "title": "Invented chemotherapy with blinatumomab",
        "phases": phases,
        "alongside": [],
    }


def targeted_regimen() -> dict[str, Any]:
    """A kinase inhibitor, then blinatumomab with a dose step; the inhibitor goes on for life."""
    induction = phase(
        1,
        "Induction",
        1,
        85,
        "induction",
        give=dose(list(range(1, 33)), "prednisone", 60, "mg/m2", "po")
        + dose([14, 21, 43, 57, 71, 85], "methotrexate", 12, "mg", "it"),
        assess=[{"name": "end-induction", "what": "mrd", "day": 85}],
        then=[{"if": "not cr", "stop": "off protocol"}, {"if": "mutation", "go": "p2"}],
    )
    cycles = [
        phase(
            1 + c,
            f"Blinatumomab {c}",
            86 + 42 * (c - 1),
            42,
            "consolidation",
            give=_infusion(86 + 42 * (c - 1), 7 if c == 1 else 0)
            + dose([86 + 42 * (c - 1) + 30], "methotrexate", 12, "mg", "it"),
            assess=[{"name": f"post-blina-{c}", "what": "mrd", "day": 85 + 42 * c}],
        )
        for c in (1, 2, 3)
    ]
    extra = phase(
        5,
        "Second induction",
        None,
        28,
        "induction",
        give=dose([1, 8], "vincristine", 2, "mg", "iv"),
        only="not cr(end-induction)",
    )
    alongside = [{"drug": "dasatinib", "dose": "140 mg", "route": "po", "from_day": 1, "to_day": None}]
    return {
        "id": "invented-targeted",
        "title": "Invented inhibitor, then blinatumomab",
        "phases": [induction, *cycles, extra],
        "alongside": alongside,
    }


def antibody_regimen() -> dict[str, Any]:
    """Low-intensity chemotherapy with an antibody, and alternating maintenance (3 + 1, four times)."""
    phases: list[dict[str, Any]] = []
    start = 1
    for cycle in range(1, 5):
        odd = cycle % 2 == 1
        give = dose([start + 2, start + 7], "inotuzumab ozogamicin", 0.3 if cycle > 1 else 0.6, "mg/m2", "iv")
        give += (
            dose([start, start + 1, start + 2], "cyclophosphamide", 150, "mg/m2", "iv", 2)
            + dose([start, start + 7], "vincristine", 2, "mg", "iv")
            if odd
            else dose([start], "methotrexate", 250, "mg/m2", "iv")
            + dose([start + 1, start + 2], "cytarabine", 0.5, "g/m2", "iv", 2)
        )
        give += dose([start + 1], "methotrexate", 12, "mg", "it") + dose([start + 7], "cytarabine", 100, "mg", "it")
        assess = [{"name": f"cycle-{cycle}", "what": "mrd", "day": start + 20}]
        phases.append(
            phase(
                cycle,
                f"Mini-hyper-CVD {'A' if odd else 'B'}",
                start,
                21,
                "induction" if cycle == 1 else "consolidation",
                give=give,
                assess=assess,
            )
        )
        start += 21
    for number in range(5, 21):
        blina = (number - 4) % 4 == 0
        length = 42 if blina else 28
        give = (
            _infusion(start)
            if blina
            else dose(list(range(start, start + 28)), "mercaptopurine", 50, "mg", "po", 2)
            + dose([start], "vincristine", 2, "mg", "iv")
        )
        phases.append(phase(number, "Blinatumomab" if blina else "POMP", start, length, "maintenance", give=give))
        start += length
    return {
        "id": "invented-antibody",
        "title": "Invented low-intensity regimen",
        "phases": phases,
        "alongside": [],
    }

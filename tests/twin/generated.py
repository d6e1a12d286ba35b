"""Generated protocols with every kind of step, and generated parameters: draws from the priors, and extremes."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from tests.protocol.generated import read
from tests.sample import draws

from remission.base.errors import InvalidFile
from remission.engine import Draws
from remission.protocol import Regimen

CHEMOTHERAPY = (
    ("vincristine", "1.4 mg/m2", "iv"),
    ("dexamethasone", "20 mg", "po"),
    ("doxorubicin", "50 mg/m2", "iv"),
    ("methotrexate", "1000 mg/m2", "iv"),
    ("mercaptopurine", "50 mg", "po"),
    ("cytarabine", "1000 mg/m2", "iv"),
)
OTHERS = (
    ("blinatumomab", "28 ug/d", "civ"),
    ("blinatumomab", "9 ug/d", "civ"),
    ("blinatumomab", "250 ug", "sc"),
    ("inotuzumab-ozogamicin", "0.8 mg/m2", "iv"),
    ("dasatinib", "140 mg", "po"),
    ("ponatinib", "30 mg", "po"),
    ("methotrexate", "12 mg", "it"),
)
LABELS = (
    "none",
    "prephase",
    "intensive induction",
    "intensive consolidation",
    "reduced induction",
    "reduced consolidation",
    "maintenance",
)
CONDITIONS = (
    "age < 50",
    "not cr",
    "cr and wbc > 10",
    "mrd({m}) < 1e-4 or transplanted",
    "mrd({m}) = positive",
    "not (mrd({m}) = positive)",
    "sex = male",
    "received(blinatumomab)",
    "not received_blinatumomab",
    "ikzf1 != none and not ph_like",
    "cytoreduction or cns",
    "mutation",
    "cr({r})",
    "not (donor or cd22 < 90)",
    "marrow_blasts >= 80 or (kmt2a and adverse_genetics)",
    "received(inotuzumab-ozogamicin) or ph = positive",
)
ONLY = ("age < 45", "sex = male and wbc > 5", "not kmt2a")

# Gives every condition something to have been seen: an assessed induction, a share with blinatumomab, a share transplanted.
OPENING: list[dict[str, Any]] = [
    {
        "id": "p0", "length": "20 d", "purpose": "induction", "chemotherapy": "reduced induction",
        "give": [{"drug": "vincristine", "dose": "2 mg", "route": "iv", "days": "1, 8, 15"},
                 {"drug": "dexamethasone", "dose": "20 mg", "route": "po", "days": "1-14", "only": "age < 60"},
                 {"drug": "methotrexate", "dose": "12 mg", "route": "it", "days": "2, 9"}],
        "assess": [{"name": "r0", "what": "remission"}, {"name": "m0", "what": "mrd", "day": 12, "limit": 1e-3},
                   {"name": "c0", "what": "cytoreduction"}, {"name": "x0", "what": "mutation"}],
    },
    {
        "id": "b0", "length": "30 d", "share": "50 %",
        "give": [{"drug": "blinatumomab", "dose": "9 ug/d", "route": "civ", "days": "1-7"},
                 {"drug": "blinatumomab", "dose": "28 ug/d", "route": "civ", "days": "8-28"}],
    },
    {"id": "t0", "purpose": "transplant", "share": "20 %", "length": "1 d"},
]  # fmt: skip


@st.composite
def gives(draw: st.DrawFn, days: int, chemotherapy: bool) -> list[dict[str, Any]]:
    chosen = draw(st.lists(st.sampled_from(OTHERS), max_size=2, unique_by=lambda item: item[0]))
    if chemotherapy:
        chosen += draw(st.lists(st.sampled_from(CHEMOTHERAPY), max_size=3, unique_by=lambda item: item[0]))
    found = []
    for drug, dose, route in chosen:
        first = draw(st.integers(1, days))
        last = draw(st.integers(first, min(days, first + 27)))
        step = 7 if route in ("iv", "it") else (2 if route == "sc" else 1)
        item: dict[str, Any] = {"drug": drug, "dose": dose, "route": route, "days": list(range(first, last + 1, step))}
        if drug in {drug for drug, _, _ in CHEMOTHERAPY} and draw(st.booleans()):
            item["only"] = draw(st.sampled_from(ONLY))
        found.append(item)
    return [
        item
        for k, item in enumerate(found)
        if (item["drug"], item["route"]) not in [(b["drug"], b["route"]) for b in found[:k]]
    ]


@st.composite
def phase(draw: st.DrawFn, n: int, last: bool) -> dict[str, Any]:
    """One phase: a transplant, a rest, or a course of any kind; its conditions ask for what earlier phases measured."""
    made: dict[str, Any] = {"id": f"p{n}"}
    if draw(st.integers(0, 5)) == 0:
        made |= {"purpose": "transplant", "length": "1 d"}
        if draw(st.booleans()):
            made["conditioning"] = draw(st.sampled_from(("by age", "myeloablative", "reduced intensity")))
    else:
        days = draw(st.integers(1, 60))
        label = draw(st.sampled_from(LABELS))
        made |= {"length": f"{days} d", "chemotherapy": label}
        made["purpose"] = draw(st.sampled_from(("induction", "consolidation", "maintenance", "intensification")))
        items = draw(gives(days, label != "none"))
        if items:
            made["give"] = items
        if draw(st.booleans()):
            made["assess"] = [
                {"name": f"r{n}", "what": draw(st.sampled_from(("remission", "marrow-blasts")))},
                {
                    "name": f"m{n}",
                    "what": "mrd",
                    "assay": draw(st.sampled_from(("flow", "pcr-bcr-abl1"))),
                    "day": draw(st.integers(1, days)),
                },
            ]
    seen = {"m": "m0", "r": "r0"}
    if draw(st.integers(0, 2)) == 0:
        made["only"] = draw(st.sampled_from(CONDITIONS)).format(**seen)
    if draw(st.integers(0, 3)) == 0:
        made["share"] = f"{draw(st.integers(10, 90))} %"
    if not last and draw(st.booleans()):
        own = {"m": f"m{n}", "r": f"r{n}"} if "assess" in made else seen
        target = draw(
            st.sampled_from(
                (
                    {"stop": "refractory"},
                    {"stop": "completed"},
                    {"stop": "off protocol"},
                    {"go": f"p{n + 1}"},
                    {"go": "end"},
                )
            )
        )
        made["then"] = [{"if": draw(st.sampled_from(CONDITIONS)).format(**own), **target}]
    return made


@st.composite
def protocols(draw: st.DrawFn) -> dict[str, Any]:
    """A protocol of four to nine phases, often with a long run of equal maintenance phases at its end."""
    count = draw(st.integers(1, 4))
    made = [*OPENING, *(draw(phase(n, n == count)) for n in range(1, count + 1))]
    if draw(st.booleans()):
        intrathecal = draw(st.integers(0, 3))
        for n in range(1, 4):
            course: dict[str, Any] = {"id": f"q{n}", "length": "84 d", "purpose": "maintenance", "chemotherapy": "maintenance",
                                      "give": [{"drug": "mercaptopurine", "dose": "75 mg/m2", "route": "po", "days": "1-84"}]}  # fmt: skip
            if n <= intrathecal:
                course["give"] = [
                    *course["give"],
                    {"drug": "methotrexate", "dose": "12 mg", "route": "it", "days": "3"},
                ]
            made.append(course)
    alongside = []
    if draw(st.integers(0, 3)) == 0:
        drug = draw(st.sampled_from(("imatinib", "ponatinib")))
        dose = "600 mg" if drug == "imatinib" else "30 mg"
        to = draw(st.sampled_from(("lifelong", made[-1]["id"])))
        alongside = [{"drug": drug, "dose": dose, "route": "po", "from": draw(st.sampled_from(("p0", "p1"))), "to": to}]
        if draw(st.booleans()):
            asked = draw(st.sampled_from(("age < 50", "cr", "not cr", "age >= 60 and cr", "mutation", "not mutation")))
            alongside[0]["only"] = asked
            if draw(st.booleans()):
                other = {"imatinib": "ponatinib", "ponatinib": "dasatinib"}[drug]
                dose = "30 mg" if other == "ponatinib" else "140 mg"
                alongside.append(
                    {"drug": other, "dose": dose, "route": "po", "from": "p1", "to": to, "only": f"not ({asked})"}
                )
    return {
        "id": "generated",
        "title": "t",
        "summary": "s",
        "ph": "any",
        "assumed": "generated",
        "alongside": alongside,
        "phases": made,
    }


def resolved(data: dict[str, Any]) -> Regimen | None:
    """The machine plan, or None for what the language refuses (a phase that nobody can reach, doses that overlap)."""
    try:
        return read(data)
    except InvalidFile:
        return None


EXTREMES: dict[str, tuple[float, ...]] = {
    "growth": (1e-12, 0.3),
    "net_to_birth": (0.01, 0.99),
    "clonogenic_fraction": (-12.0, 0.0),
    "course_noise": (0.0, 2.0),
    "kill_induction": (0.0, 60.0, 5000.0),
    "kill_consolidation": (0.0, 20.0),
    "kill_maintenance": (0.0, 1.0),
    "kill_blinatumomab": (0.0, 5.0),
    "kill_dasatinib": (0.0, 3.0),
    "kill_inotuzumab": (0.0, 30.0),
    "kill_transplant_myeloablative": (0.0, 400.0),
    "effector_capacity": (8.0, 14.0),
    "ec50": (1e-3, 50.0),
    "blinatumomab_fade": (0.8, 0.1),
    "cns_row": (1.0,),
    "cns_fraction": (-2.0,),
    "cns_relapse": (0.9,),
    "dose_exponent": (0.05, 3.0),
    "dose_reduction": (0.001, 0.999),
    "reduced_dose": (0.2,),
    "course_delay": (0.0, 40.0),
    "course_omission": (0.001, 0.9),
    "induction_death": (1e-6, 0.7),
    "induction_death_none": (-8.0, 2.0),
    "remission_death": (1e-9, 3.0),
    "remission_death_harm": (0.05, 5.0),
    "remission_death_none": (-9.0, 1.0),
    "transplant_death": (0.001, 0.95),
    "vod": (0.9,),
    "vod_transplant": (0.95,),
    "vod_death": (0.95,),
    "crs": (0.5,),
    "neurotoxicity": (0.5,),
    "salvage_cure": (1e-6, 0.9),
    "salvage_age": (-2.0,),
    "mrd_noise": (0.0, 2.0),
    "resistant_fraction": (-1.0, -12.0),
    "extramedullary_fraction": (-0.1, -12.0),
    "cd19_negative_fraction": (-0.5, -12.0),
    "persister_fraction": (-0.3, -12.0),
    "multilineage": (0.999,),
    "persister_chemotherapy": (0.01, 1.0),
    "central_chemotherapy": (0.0, 1.0),
    "intrathecal_kill": (0.0, 5.0),
}


@dataclass(frozen=True)
class Parameters:
    """Draws from the priors with some parameters changed; a short text when a test fails."""

    seed: int
    first: int
    count: int
    changed: tuple[tuple[str, float], ...]

    @property
    def draws(self) -> Draws:
        return draws(40, self.seed).part(self.first, self.first + self.count).change(**dict(self.changed))


@st.composite
def parameters(draw: st.DrawFn, count: int = 1) -> Parameters:
    """Up to five parameters at extremes; half the time one of the structural variants is on."""
    changed = {
        name: draw(st.sampled_from(EXTREMES[name]))
        for name in draw(st.sets(st.sampled_from(sorted(EXTREMES)), max_size=5))
    }
    if draw(st.booleans()):
        changed |= draw(
            st.sampled_from(({"cns_row": 1.0}, {"blinatumomab_fade": 0.8}, {"cns_row": 1.0, "blinatumomab_fade": 0.8}))
        )
    return Parameters(draw(st.integers(0, 3)), draw(st.integers(0, 40 - count)), count, tuple(sorted(changed.items())))

"""Generated regimens: valid by construction, as plain data in the human form."""

from typing import Any

from hypothesis import strategies as st

from remission.base import files
from remission.protocol import Regimen, read_regimen

GIVEN = (
    ("blinatumomab", "civ", ("28 ug/d", "9 ug/d", "15 ug/m2/d")), ("methotrexate", "it", ("12 mg", "15 mg")),
    ("methotrexate", "iv", ("500 mg/m2", "1000 mg/m2")), ("vincristine", "iv", ("1.4 mg/m2", "2 mg")),
    ("prednisone", "po", ("60 mg/m2", "200 mg")), ("cytarabine", "it", ("40 mg", "70 mg")),
    ("inotuzumab-ozogamicin", "iv", ("0.8 mg/m2", "0.5 mg/m2")), ("mercaptopurine", "po", ("50 mg",)),
    ("dexamethasone", "iv", ("10 mg", "20 mg")), ("doxorubicin", "iv", ("25 mg/m2", "50 mg/m2")))
BLOCKS = ("blinatumomab-28", "pomp", "hyper-cvad-a", "mini-hyper-cvd-b", "lal1913-3")
ONLY = ("age < 55", "age >= 60 and sex = male", "not kmt2a", "ikzf1 = plus or cd20 >= 20", "wbc > 30 and not (cns or age > 70)")
WORDS = st.sampled_from(("Induction", "Course, part 2", "no: not this", "- x", "1e3", "yes", "“Blina” 28 µg", "it's #1", "é ß"))


@st.composite
def gives(draw: st.DrawFn, days: int) -> dict[str, Any]:
    """One drug by one route, in the form a person writes."""
    drug, route, doses = draw(st.sampled_from(GIVEN))
    first = draw(st.integers(1, days))
    last = draw(st.integers(first, min(days, first + 6)))
    written: Any = draw(st.sampled_from((f"{first}-{last}", list(range(first, last + 1)))))
    item: dict[str, Any] = {"drug": drug, "route": route, "dose": draw(st.sampled_from(doses)), "days": written}
    if draw(st.booleans()):
        item["only"] = draw(st.sampled_from(ONLY))
    if draw(st.booleans()):
        item["assumed"] = draw(WORDS)
    return item


@st.composite
def phases(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """One phase: of a block, or written out; with assessments."""
    phase: dict[str, Any] = {"id": name, "purpose": draw(st.sampled_from(("induction", "consolidation", "maintenance")))}
    if draw(st.booleans()):
        phase["block"] = draw(st.sampled_from(BLOCKS))
    else:
        days = draw(st.integers(7, 42))
        phase["length"] = f"{days} d"
        items = draw(st.lists(gives(days), min_size=1, max_size=4, unique_by=lambda item: (item["drug"], item["route"])))
        phase["give"] = items
    if draw(st.integers(0, 3)) == 0:
        phase["repeat"] = draw(st.integers(2, 4))
    else:
        phase["assess"] = [{"name": f"cr-{name}", "what": "remission", "assay": "morphology"},
                           {"name": f"mrd-{name}", "what": "mrd", "assay": "flow", "limit": 1e-4, "day": draw(st.integers(1, 7))}]
    if draw(st.integers(0, 4)) == 0:
        phase["title"] = draw(WORDS)
    return phase


@st.composite
def human(draw: st.DrawFn) -> dict[str, Any]:
    """A regimen of one to six phases; decisions lead forward or stop."""
    made = [draw(phases(name)) for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")[: draw(st.integers(1, 6))]]
    for position, phase in enumerate(made[:-2]):
        if "assess" in phase and draw(st.booleans()):
            target = draw(st.sampled_from([later["id"] for later in made[position + 1:]]))
            condition = f"mrd(mrd-{phase['id']}) >= 1e-3"
            phase["then"] = [{"if": condition, "go": target}, {"if": f"not cr(cr-{phase['id']})", "stop": "refractory"}]
    alongside = [{"drug": "dasatinib", "dose": "140 mg", "route": "po", "from": made[0]["id"], "to": draw(st.sampled_from(
        ("lifelong", made[-1]["id"])))}] if draw(st.booleans()) else []
    eligibility = draw(st.lists(st.sampled_from(("age >= 18", "cd22 > 0")), unique=True))
    return {"id": "generated", "title": draw(WORDS), "summary": draw(WORDS), "ph": "positive" if alongside else "any",
            "assumed": "generated", "eligibility": eligibility, "alongside": alongside, "phases": made}


def read(data: dict[str, Any]) -> Regimen:
    """The machine plan of generated data."""
    return read_regimen(files.Document("generated", data, {}))


def machine() -> st.SearchStrategy[Regimen]:
    """Generated machine plans."""
    return human().map(read)

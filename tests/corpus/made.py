"""What the fuzz tests are fed: texts, damaged files, mappings that nearly are regimens, and regimens."""

from pathlib import Path

from hypothesis import strategies as st

from remission.base import catalog
from remission.protocol.conditions import CALLS, CHOICES, FLAGS, NUMBERS

CORPUS = Path(__file__).parent
SEEDS = [
    path.read_bytes()
    for folder in ("valid", "warned", "invalid")
    for path in sorted((CORPUS / folder).glob("*.yaml"))
    if path.stat().st_size < 8000
]
SEEDS += [catalog.path("regimens", name).read_bytes() for name in catalog.ids("regimens")]

# --- text
TOKENS = st.sampled_from([
    "\n", "\n  ", "\n    - ", "- ", ": ", "? ", "{", "}", "[", "]", ", ", "'", '"', "|\n", ">-\n", "#", "---\n", "...\n", "&a ",
    "*a", "!!str ", "!x", "%", "\\", "\t", "\x00", "\ufeff", "é", "id", "title", "phases", "give", "drug", "dose", "vincristine", "2 mg",
    "~", "null", "true", "1", "-1", "1e999", "1-3", "<<", "=", "<", "(", ")", "cr", "mrd(a)",
])



# --- files that were valid once
PIECES = [
    b"", b"\n", b" ", b"  ", b"-", b":", b"{", b"}", b"[", b"]", b",", b"'", b'"', b"#", b"&a ", b"*a ", b"!x ", b"\x00", b"\xff", b"0",
    b"-1", b"99999", b"1e400", b"nan", b"2 mg", b"9 ug/d", b"28 d", b"1-3700", b"8-1", b"it", b"civ", b"cr", b"not ", b" and ", b" or ",
    b"(", b")", b"mrd(end-induction) < 1e-4", b"end", b"lifelong", b"any", b"id: a\n", b"  - id: b\n", b"repeat: 60\n", b"share: 10 %\n",
    b"only: age < 3\n", b"null", b"true", b"\xc2\x85", b"\xe2\x80\xae", b"%", b"|", b">",
]


@st.composite
def damaged(draw):
    """A file of the catalog or the corpus after one to six slips: bytes replaced, lines cut, copied, moved or indented anew."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        lines = raw.split(b"\n")
        at, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 6)):
            case 0:
                first = draw(st.integers(0, len(raw)))
                raw = raw[:first] + draw(st.sampled_from(PIECES)) + raw[first + draw(st.integers(0, 8)):]
            case 1:
                raw = b"\n".join(lines[:at] + lines[at + 1:])
            case 2:
                raw = b"\n".join(lines[:at] + [lines[other]] + lines[at:])
            case 3:
                lines[at], lines[other] = lines[other], lines[at]
                raw = b"\n".join(lines)
            case 4:
                lines[at] = b" " * draw(st.integers(0, 8)) + lines[at].lstrip()
                raw = b"\n".join(lines)
            case 5:
                key, colon, _ = lines[at].partition(b":")
                lines[at] = key + colon + b" " + draw(st.sampled_from(PIECES))
                raw = b"\n".join(lines)
            case _:
                raw = raw[: draw(st.integers(0, len(raw)))]
    return raw



# --- structures that nearly are regimens
CONDITION_WORDS = [
    *NUMBERS, *FLAGS, *(word for words in CHOICES.values() for word in words), *CHOICES, *CALLS, "and", "or", "not", "(", ")", "<", "<=",
    ">", ">=", "=", "!=", "55", "1e-4", "0.5", "(a)", "(marrow)", "(blinatumomab)", "negative", "positive", "true", "&",
]
conditions_in_words = st.lists(st.sampled_from(CONDITION_WORDS), max_size=14).map(" ".join)


@st.composite
def conditions_that_hold(draw, depth=3):
    """The text of a condition that follows the grammar."""
    kind = draw(st.integers(0, 3 if depth else 0))
    if kind == 1:
        return f"not {draw(conditions_that_hold(depth=0))}"
    if kind > 1:
        word = draw(st.sampled_from([" and ", " or "]))
        return word.join(f"({draw(conditions_that_hold(depth=depth - 1))})" for _ in range(draw(st.integers(2, 3))))
    name = draw(st.sampled_from([*NUMBERS, *FLAGS, *CHOICES, "mrd", "cr", "received"]))
    op = draw(st.sampled_from(["<", "<=", ">", ">=", "=", "!="]))
    if name in CHOICES:
        return f"{name} {draw(st.sampled_from(['=', '!=']))} {draw(st.sampled_from(CHOICES[name]))}"
    if name == "mrd":
        value = draw(st.one_of(st.sampled_from(["0.0001", "1e-3", "0.5"]), st.floats(0, 1).map(repr)))
        return draw(st.sampled_from([f"mrd(early) {op} {value}", "mrd(early) = negative", "mrd(early) != negative"]))
    if name in NUMBERS:
        return f"{name} {op} {draw(st.one_of(st.integers(0, 100), st.floats(0, 1e6)))}"
    return {"received": "received(vincristine)", "cr": draw(st.sampled_from(["cr", "cr(marrow)"]))}.get(name, name)


odd = st.one_of(st.none(), st.booleans(), st.integers(-5, 5000), st.floats(allow_nan=False), st.text(max_size=8), st.just([]), st.just({}))
names = st.sampled_from(["a", "b", "course", "course-1", "next", "end", "lifelong", "any", "A", ""])
amounts = st.sampled_from(["2 mg", "1.4 mg/m2", "28 ug/d", "9 ug/d", "5 ug/kg", "2000 IU/m2", "140 mg", "12 mg", "1e9 mg", "-1 mg", "2"])
spans = st.sampled_from(["1 d", "21 d", "28 d", "6 mo", "1 h", "0 d", "1e300 y", "3 mg"])
shares = st.sampled_from(["20 %", "0.5 1", "0 %", "100 %", "200 %"])
some_days = st.sampled_from([1, [1, 8], "1-7", "8-28", "1-28", "15, 1", "1, 1", "0", "29", "9999", ""])
drugs = st.sampled_from(["vincristine", "blinatumomab", "methotrexate", "dasatinib", "doxorubicin", "filgrastim", "pegaspargase", "none"])
routes = st.sampled_from(["iv", "civ", "it", "po", "sc", "im", "oral"])
any_condition = st.one_of(conditions_that_hold(), conditions_in_words, odd)
sources = st.sampled_from([{"ref": "pourhassan-2023"}, {"ref": "thomas-2010", "at": "Table 1"}, {"ref": "unknown-1"}, "x"])


def mapping(required, optional):
    """A mapping of the language, now and then with a value of the wrong kind, a missing or an unknown key."""
    @st.composite
    def build(draw):
        def rare():
            return draw(st.integers(0, 59)) == 0

        found = {key: draw(odd if rare() else value) for key, value in required.items() if not rare()}
        found.update({key: draw(odd if rare() else value) for key, value in optional.items() if draw(st.integers(0, 3)) == 0})
        if rare():
            found[draw(st.sampled_from(["dsoe", "x", "id", "block", "<<", ""]))] = draw(odd)
        return found

    return build()


cites = {"source": sources, "assumed": st.just("why"), "note": st.just("n")}
gives = mapping({"drug": drugs, "dose": amounts, "route": routes, "days": some_days},
                {"cap": amounts, "per_day": st.integers(0, 13), "over": spans, "only": any_condition, **cites})
marrows, kinds = st.sampled_from(["marrow", "early", "late", "any"]), st.sampled_from(["remission", "mrd", "mutation"])
assessments = mapping({"name": marrows, "what": kinds},
                      {"limit": st.sampled_from([1e-4, 0, 2]), "assay": st.sampled_from(["flow", "ngs", "x"]), "day": st.integers(0, 30)})
branches = mapping({"if": any_condition}, {"go": names, "stop": st.sampled_from(["refractory", "completed", "never"]), **cites})
phases = mapping({"id": names}, {
    "length": spans, "block": st.sampled_from(["blinatumomab-28", "hyper-cvad-a", "pomp", "none-such"]), "repeat": st.integers(0, 61),
    "purpose": st.sampled_from(["induction", "transplant", "rest", "x"]), "only": any_condition, "share": shares,
    "give": st.lists(gives, max_size=3), "assess": st.lists(assessments, max_size=2), "then": st.lists(branches, max_size=3),
    "conditioning": st.sampled_from(["by age", "x"]), "title": st.text(max_size=5),
    "randomise": mapping({"name": names, "arms": st.lists(st.sampled_from(["s1318", "nobody"]), max_size=2)}, {"if": any_condition}),
    **cites})
beside = mapping({"drug": drugs, "dose": amounts, "route": routes, "from": names, "to": names}, {"only": any_condition})
notes = mapping({"about": st.text(max_size=3), "text": st.text(max_size=9)}, {"source": sources})
regimens = mapping({
    "id": st.just("fuzz"), "title": st.text(max_size=5), "summary": st.just("s"), "ph": st.sampled_from(["any", "negative"]),
    "phases": st.lists(phases, min_size=1, max_size=4)}, {
    "eligibility": st.lists(any_condition, max_size=3), "alongside": st.lists(beside, max_size=2), "notes": st.lists(notes, max_size=2)})


# --- structures that are regimens
@st.composite
def sound_phases(draw, position, count):
    """A phase that keeps every rule; conditions ask for what the first phase assesses."""
    length = draw(st.integers(28, 60))
    asked = conditions_that_hold() if position else st.sampled_from(["age < 55", "sex = male and not cns", "wbc >= 30 or ph = positive"])
    doses = st.sampled_from([("vincristine", "1.4 mg/m2", "iv", "2 mg"), ("methotrexate", "12.5 mg", "it", None),
                             ("prednisone", "100 mg", "po", None), ("doxorubicin", "33.333333 mg/m2", "iv", None),
                             ("filgrastim", "5 ug/kg", "sc", None)])
    given_ = [dict(zip(("drug", "dose", "route", "cap"), dose, strict=True), days=draw(st.sampled_from(["1", "1-7", "1, 8, 15", "22-28"])))
              for dose in draw(st.lists(doses, max_size=4))]
    given_ += [{"drug": "blinatumomab", "dose": "28 ug/d", "route": "civ", "days": "1-28"}] * draw(st.integers(0, 1))
    phase = {"id": f"p{position}", "length": f"{length} d", "give": [{k: v for k, v in give.items() if v is not None} for give in given_]}
    phase.update(draw(st.fixed_dictionaries({}, optional={
        "only": asked, "share": st.sampled_from(["20 %", "100 %"]), "title": st.text("abc é", max_size=9),
        "purpose": st.sampled_from(["induction", "consolidation", "transplant"]), "repeat": st.integers(1, 4)})))
    if position == 0:
        phase.pop("repeat", None)
        phase["purpose"] = "transplant"
        phase["give"] += [{"drug": "vincristine", "dose": "2 mg", "route": "iv", "days": 1}]
        phase["assess"] = [{"name": "marrow", "what": "remission"}, {"name": "early", "what": "mrd", "limit": 2e-4},
                           {"name": "lighter", "what": "cytoreduction"}, {"name": "escape", "what": "mutation"}]
    if position + 1 < count:
        going = st.fixed_dictionaries({"if": conditions_that_hold(), "go": st.sampled_from([f"p{k}" for k in range(position + 1, count)])})
        phase["then"] = draw(st.lists(going, max_size=2))
    return phase


@st.composite
def sound_regimens(draw):
    count = draw(st.integers(1, 5))
    return {"id": "sound", "title": "T", "summary": "S", "ph": "any", "phases": [draw(sound_phases(k, count)) for k in range(count)]}



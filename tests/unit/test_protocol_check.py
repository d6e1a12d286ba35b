"""Rules of the protocol room that the corpus cannot show: blocks and drugs that are wrong themselves, limits of size, the reasoner."""

import shutil

import pytest

from remission.base import catalog, files
from remission.base.errors import InvalidFile, NotFound, RemissionError, UnitError
from remission.protocol import check_block, check_drug, load_block, load_drug, load_regimen, read_regimen, warnings
from remission.protocol.check import check_block as cached_block
from remission.protocol.check import check_drug as cached_drug
from remission.protocol.conditions import Condition
from remission.protocol.logic import Reasoner, groups, may_hold
from remission.protocol.resolve import block_file, drug_file

CACHES = (catalog.ids, drug_file, block_file, cached_block, cached_drug)
BLOCK = "id: odd\ntitle: Odd\nlength: 21 d\nchemotherapy: none\nsource: {ref: pourhassan-2023, at: text}\ngive:\n"
DRUG = "id: odd\ntitle: Odd\nclass: odd\nmechanism: supportive\nroutes: [iv]\nunits: [mg]\ndose_range:\n  mg: [1, 2]\n"
PHASE = "id: x\ntitle: t\nsummary: s\nph: any\nphases:\n  - id: course\n    block: odd\n"


@pytest.fixture
def own_catalog(tmp_path, monkeypatch):
    """A copy of the catalog that may be changed, read without what is remembered of the other."""
    root = tmp_path / "catalog"
    shutil.copytree(catalog.root(), root)
    monkeypatch.setattr(catalog, "root", lambda: root)
    for cached in CACHES:
        cached.cache_clear()
    yield root
    for cached in CACHES:
        cached.cache_clear()


@pytest.mark.parametrize(("give", "line", "kind", "what"), [
    ("  - {drug: vincristin, dose: 2 mg, route: iv, days: 1}\n", 7, InvalidFile, "unknown drug 'vincristin'"),
    ("  - {drug: vincristine, dose: 20 mg, route: iv, days: 1}\n", 7, InvalidFile, "outside its range"),
    ("  - {drug: vincristine, dose: 2 IU, route: iv, days: 1}\n", 7, UnitError, "does not fit vincristine"),
    ("  - drug: vincristine\n    dose: 2 mg\n    route: iv\n    days: 22\n", 10, InvalidFile, "given on day 22 of the block"),
    ("  - {drug: vincristine, dose: 2 mg, route: iv, days: 1, source: {ref: smith-1999}}\n", 7, InvalidFile, "unknown source 'smith-1999'"),
    ("  - {drug: blinatumomab, dose: 9 ug/d, route: civ, days: 1-7}\n  - {drug: blinatumomab, dose: 28 ug/d, route: civ, days: 7}\n", 8,
     InvalidFile, "two infusions of blinatumomab overlap on day 7"),
    ("  []\n", 6, InvalidFile, "give: too few entries"),
])
def test_wrong_block_is_refused_in_its_own_file(own_catalog, give, line, kind, what):
    path = own_catalog / "blocks" / "odd.yaml"
    path.write_text(BLOCK + give)
    for attempt in (lambda: check_block("odd"), lambda: read_regimen(files.read_text(PHASE))):
        with pytest.raises(kind) as caught:
            attempt()
        assert what in caught.value.what
        assert caught.value.where == f"{files.shown_path(path)}:{line}"


@pytest.mark.parametrize(("old", "new", "kind", "what"), [
    ("units: [mg]", "units: [mgs]", UnitError, "unknown unit 'mgs'"),
    ("  mg: [1, 2]", "  g: [1, 2]", InvalidFile, "cannot be meant"),
    ("  mg: [1, 2]", "  mg po: [1, 2]", InvalidFile, "cannot be meant"),
    ("  mg: [1, 2]", "  mg: [2, 1]", InvalidFile, "cannot be meant"),
    ("  mg: [1, 2]", "  mg: [1, 2, 3]", InvalidFile, "dose_range"),
    ("id: odd", "id: other", InvalidFile, "calls itself 'other'"),
    ("routes: [iv]", "routes: []", InvalidFile, "too few entries"),
    ("class: odd", "class: odd\nsource: {ref: smith-1999}", InvalidFile, "unknown source"),
])
def test_wrong_drug_is_refused_in_its_own_file(own_catalog, old, new, kind, what):
    path = own_catalog / "drugs" / "odd.yaml"
    path.write_text(DRUG.replace(old, new))
    with pytest.raises(kind) as caught:
        check_drug("odd")
    assert what in caught.value.what
    assert caught.value.where.startswith(files.shown_path(path))


def test_file_named_otherwise_than_its_id_is_refused(own_catalog):
    shutil.copy(own_catalog / "blocks" / "pomp.yaml", own_catalog / "blocks" / "odd.yaml")
    shutil.copy(own_catalog / "regimens" / "s1318.yaml", own_catalog / "regimens" / "odd.yaml")
    for load in (load_block, load_regimen):
        with pytest.raises(InvalidFile, match="calls itself") as caught:
            load("odd")
        assert caught.value.near == "odd"


@pytest.mark.parametrize("load", [load_block, load_drug, load_regimen, check_block, check_drug])
@pytest.mark.parametrize("name", ["no-such-thing", "", "..", "../drugs/vincristine", "A", "x" * 300, "a\nb"])
def test_unknown_id_is_not_found(load, name):
    with pytest.raises(NotFound) as caught:
        load(name)
    assert caught.value.fix


@pytest.mark.parametrize("identifier", catalog.ids("blocks"))
def test_each_block_of_the_catalog_keeps_the_rules(identifier):
    check_block(identifier)


@pytest.mark.parametrize("identifier", catalog.ids("drugs"))
def test_each_drug_of_the_catalog_keeps_the_rules(identifier):
    assert check_drug(identifier) == load_drug(identifier)


@pytest.mark.parametrize(("text", "what"), [
    ("[" + "a," * 100_001 + "]", "the file has too many entries"),
    ("x" * (files.MAX_BYTES + 1), "the file is too large"),
    ("id: " + "x" * (files.MAX_SCALAR + 1), "a value is too long"),
    ("[" * (files.MAX_DEPTH + 1), "the file is nested too deeply"),
])
def test_what_is_larger_than_a_limit_is_refused_for_that(text, what):
    with pytest.raises(RemissionError, match=what):
        files.read_text(text)


def test_what_is_as_large_as_a_limit_is_read():
    entries = files.MAX_NODES - 1
    assert len(files.read_text("[" + "a," * entries + "]").data) == entries
    assert len(files.read_text("x" * files.MAX_SCALAR).data) == files.MAX_SCALAR
    files.read_text("[" * files.MAX_DEPTH + "]" * files.MAX_DEPTH)
    assert files.read_text(" " * (files.MAX_BYTES - 1) + "x").data == "x"


def test_parse_at_a_place_that_is_missing_is_refused():
    from remission.protocol.model import Phase

    document = files.read_text("phases:\n  - {id: a, length: 1 d}\n", "x.yaml")
    assert files.parse(document, Phase, ("phases", 0)).id == "a"
    for place in (("design",), ("phases", 7), ("phases", 0, "id", "x"), ("phases", "a")):
        with pytest.raises(InvalidFile, match="is missing"):
            files.parse(document, Phase, place)


def test_reasoner_that_has_had_enough_says_perhaps():
    never = [Condition.parse("age < 40"), Condition.parse("age > 60")]
    assert not Reasoner().possible(never)
    assert Reasoner(steps=0).possible(never)
    many = Condition.parse(" and ".join(f"(mrd(a{k}) < 0.5 or cr)" for k in range(19)) + " and not cr")
    assert Reasoner().possible([many])


@pytest.mark.parametrize(("texts", "without", "expected"), [
    (["age < 40", "age > 60"], [], False), (["age <= 40", "age >= 40"], [], True), (["age > 200"], [], False),
    (["wbc > 1000"], [], True), (["cd20 > 100"], [], False), (["sex = male"], ["sex != female"], False), ([], ["cr", "not cr"], False),
    ([], ["age < 55", "age >= 40"], False), (["mrd(x) = negative", "mrd(x) < 1e-5"], [], True),
    (["mrd(x) = negative", "mrd(x) >= 1e-3"], [], False),
    (["received(blinatumomab)"], ["received_blinatumomab"], False), (["cr"], ["cr(a)"], True),
    (["ikzf1 != none", "ikzf1 != plus"], [], True),
    (["ikzf1 != none", "ikzf1 != plus", "ikzf1 != deleted"], [], False), (["age < 18.5", "age > 18.4"], [], True),
])
def test_reasoner_knows_what_can_hold_together(texts, without, expected):
    answer = Reasoner().possible(map(Condition.parse, texts), map(Condition.parse, without))
    assert answer == expected
    assert Reasoner({"x": 1e-6}).possible([Condition.parse("mrd(x) = negative and mrd(x) >= 1e-5")]) is False
    assert Reasoner({"x": 1e-2}).possible([Condition.parse("mrd(x) = negative and mrd(x) >= 1e-5")]) is True


def test_groups_differ_in_what_is_asked_and_meet_what_is_given():
    asked = [Condition.parse("age < 60 and cr"), None]
    given = [Condition.parse("age >= 18 and age <= 75"), Condition.parse("ph = positive")]
    cases = groups(asked, given)
    assert {case["age", None] < 60 for case in cases} == {True, False}
    assert all(set(case) == {("age", None)} and 18 <= case["age", None] <= 75 for case in cases)
    assert all(may_hold(condition, case) for case in cases for condition in given)
    assert groups([], given) == groups([Condition.parse("cr")]) == groups(asked, [Condition.parse("age > 300")]) == [{}]


@pytest.mark.parametrize(("identifier", "doxorubicin_mg_m2"), [
    ("graall-2014", "465"),  # by hand: 50 x 5 x 0.6 in induction, idarubicin 12 x 3 x 5 as salvage, 9 x 3 x 5 late
])
def test_worst_path_of_a_regimen_of_the_catalog(identifier, doxorubicin_mg_m2):
    from remission.protocol import flow, warn

    plan = load_regimen(identifier)
    meter = next(warn._meters(plan))
    totals = [warn._worst_total(plan, meter, case, flow.reasoner(plan))[0] for case in warn._groups(plan, meter)]
    assert f"{max(totals):g}" == doxorubicin_mg_m2


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_warnings_of_the_catalog(identifier):
    """No regimen of the catalog goes beyond a declared limit. Those that protect the nervous system in no encoded way are known."""
    found = [warning.what for warning in warnings(load_regimen(identifier))]
    unprotected = {"sc-blina"}
    assert all("no intrathecal dose" in what for what in found)
    assert bool(found) == (identifier in unprotected)


def test_warnings_take_a_regimen_that_is_not_resolved():
    from remission.protocol.model import Regimen

    text = "id: x\ntitle: t\nsummary: s\nph: any\nphases: [{id: a, block: hyper-cvad-a, repeat: 12}]\n"
    human = files.parse(files.read_text(text), Regimen)
    assert next(warning.what.split(" of ")[0] for warning in warnings(human)) == "the default path gives 600 mg/m2"

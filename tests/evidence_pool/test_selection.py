"""Is nobody counted twice, and is everything that is left out said?"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remission.base import catalog
from remission.base.errors import EmptySelection, RemissionError, UsageError
from remission.evidence import PoolQuestion, all_results, load_trial, pool, pool_results, pool_rows
from remission.evidence.pool_rows import Chosen, Overlap

BASE = next(row for row in all_results(trial="s1318", endpoint="CR") if row.where is None)
REVIEWED = frozenset({"one", "two", "three"})


def row(trial="one", arm="main", **changes):
    plain = {"cut": None, "subgroup": None, "where": None, "role": "calibrate", "conflicts": (), "status": "reported",
             "months": None, "assessment": "any", "lo95": None, "hi95": None, "published_on": "2022"}
    return replace(BASE, **{**plain, "trial": trial, "arm": arm, "id": f"{trial}-{arm}", **changes})


def asked(rows, shared=(), **question):
    return pool_rows.choose(rows, PoolQuestion(**{"endpoint": "CR", **question}), REVIEWED, shared)


def used(selection):
    return [item.row.id for item in selection.used]


def reasons(selection):
    return {item.row.id: item.reason for item in selection.left_out}


def test_one_row_for_each_set_of_patients_by_the_rules_in_order():
    main = row(id="main")
    better = [
        (row(id="context", role="context"), "role"),
        (row(id="cut", cut="later-2023"), "main data cut"),
        (row(id="first", assessment="cycle-1"), "over all assessments"),
        (row(id="fewer", numerator=9, n=14, value=0.64), "in more patients"),
        (row(id="earlier", published_on="2019"), "published later"),
    ]
    for other, rule in better:
        found = asked([other, main])
        assert used(found) == ["main"]
        assert rule in reasons(found)[other.id]


def test_arms_are_different_patients_unless_the_catalog_says_that_they_overlap():
    rows = [row(arm=arm, id=arm, n=n, numerator=n // 2, value=0.5) for arm, n in (("a", 20), ("b", 30), ("both", 60))]
    assert used(asked(rows)) == ["a", "b", "both"]
    shared = (Overlap(set="one/both", shares=("one/a", "one/b"), assumed="test"),)
    found = asked(rows, shared)
    assert used(found) == ["both"]
    assert "shares patients with one/both" in reasons(found)["a"]


def test_splitting_a_set_of_patients_over_rows_is_an_error():
    one = Chosen(row(id="left"), 10, False)
    other = Chosen(row(id="right"), 5, False)
    with pytest.raises(UsageError, match="share patients"):
        pool.check_independent([one, other], ())
    shared = (Overlap(set="one", shares=("two",), assumed="test"),)
    with pytest.raises(UsageError, match="share patients"):
        pool.check_independent([one, Chosen(row("two"), 5, False)], shared)
    pool.check_independent([one, Chosen(row("two"), 5, False)], ())


def test_what_cannot_be_pooled_is_left_out_and_said():
    rows = [
        row(id="good"),
        row("two", id="no-n", n=None, numerator=None),
        row("three", id="odd", n=10, numerator=None, value=0.77),
        row("two", id="missing", value=None, numerator=None, status="not reported"),
        row("two", id="subgroup", subgroup="the young"),
        row("two", id="where", where="age >= 70"),
        row("two", id="ratio", measure="odds ratio", value=2.0, numerator=None),
        row("elsewhere", id="comparator"),
    ]
    found = asked(rows)
    assert used(found) == ["good"]
    said = reasons(found)
    assert "no denominator" in said["no-n"]
    assert "no whole number of 10" in said["odd"]
    assert said["missing"] == "not reported"
    assert "the young" in said["subgroup"]
    assert "age >= 70" in said["where"]
    assert "odds ratio" in said["ratio"]
    assert "comparator" in said["comparator"]
    assert len(found.used) + len(found.left_out) == len(rows)


def test_events_are_counted_back_only_where_the_percentage_fits():
    found = asked([row(n=85, numerator=None, value=0.96)])
    assert (found.used[0].events, found.used[0].derived) == (82, True)


def test_the_nearest_landmark_within_the_window_is_used():
    rows = [row(id=f"m{months}", months=float(months), assessment=None, endpoint="OS", lo95=0.5, hi95=0.8) for months in (12, 30, 48)]
    found = asked(rows, endpoint="OS", at="36")
    assert used(found) == ["m30"]
    assert (found.months, found.window) == (36.0, 6.0)
    assert "not within 6 months of 36" in reasons(found)["m48"]
    with pytest.raises(EmptySelection):
        asked(rows, endpoint="OS", at="36", window=0.0)
    near = asked([rows[1], replace(rows[1], id="exact", months=36.0, role="validate")], endpoint="OS", at="36 months")
    assert used(near) == ["exact"]


def test_without_a_time_survival_takes_the_most_common_landmark():
    rows = [row(trial, id=f"{trial}-{months}", months=float(months), assessment=None, endpoint="OS", lo95=0.5, hi95=0.8)
            for trial, months in (("one", 24), ("two", 36), ("three", 36), ("one", 37))]
    found = asked(rows, endpoint="OS")
    assert (found.months, found.landmark_chosen) == (36.0, True)
    assert used(found) == ["two-36", "three-36", "one-37"]


def test_survival_without_interval_or_patients_is_left_out():
    rows = [row(id="bare", months=36.0, assessment=None, endpoint="OS", n=None, numerator=None),
            row("two", id="useless", months=36.0, assessment=None, endpoint="OS", n=None, numerator=None, lo95=0.0, hi95=1.0),
            row("three", id="good", months=36.0, assessment=None, endpoint="OS")]
    found = asked(rows, endpoint="OS", at="36")
    assert used(found) == ["good"]
    assert all("neither a usable interval nor" in reasons(found)[name] for name in ("bare", "useless"))


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_order_of_rows_does_not_change_the_patients(random, size):
    rows = [row(random.choice(["one", "two", "three"]), random.choice(["a", "b"]), id=f"r{i}", role=random.choice(pool_rows.ROLES),
                published_on=str(2000 + i)) for i in range(size)]
    mixed = list(rows)
    random.shuffle(mixed)
    assert sorted(used(asked(rows))) == sorted(used(asked(mixed)))
    patients = [item.patients for item in asked(rows).used]
    assert len(set(patients)) == len(patients)


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ({"endpoint": "MRD"}, "MRD-"),
        ({"endpoint": "mrd-"}, "MRD-"),
        ({"endpoint": "adverse events 3+"}, "adverse event 3+"),
        ({"endpoint": "MRD-", "at": "cycle1"}, "cycle-1"),
        ({"endpoint": "OS", "at": "cycle-1"}, "60"),
        ({"endpoint": "MRD-", "role": "calibrat"}, "calibrate"),
        ({"endpoint": "MRD-", "where": "agee > 5"}, "age"),
        ({"endpoint": "MRD-", "population": "s13180"}, "s1318"),
        ({"endpoint": "MRD-", "arms": ("mian",)}, "main"),
        ({"endpoint": "MRD-", "trials": ("s1381",)}, "s1318"),
    ],
)
def test_unknown_words_are_answered_with_the_nearest(question, near):
    with pytest.raises(RemissionError) as caught:
        pool_rows.select(PoolQuestion(**question))
    assert caught.value.near == near
    assert caught.value.where
    assert caught.value.why
    assert caught.value.fix


def test_nothing_left_says_why():
    with pytest.raises(EmptySelection) as caught:
        pool_rows.select(PoolQuestion("OS", at="36", where="age >= 70"))
    assert "subgroup" in caught.value.why
    assert "--where" in caught.value.fix


def test_every_overlap_names_sets_and_sources_of_the_catalog():
    for entry in pool_rows.overlaps():
        for name in (entry.set, *entry.shares):
            trial, _, arm = name.partition("/")
            known = load_trial(trial)
            arms = {*known.design.arms, *(r.arm for r in known.results), *(b.arm for b in known.baseline)}
            assert not arm or arm in arms, name
        if entry.source:
            assert entry.source.ref in catalog.ids("sources")


def test_control_arms_are_not_pooled_with_blinatumomab_unless_named():
    assert "e1910/chemotherapy" in pool_rows.controls()
    found = pool_rows.select(PoolQuestion("OS", at="42"))
    assert "e1910/chemotherapy" not in [item.patients for item in found.used]
    named = pool_rows.select(PoolQuestion("OS", at="42", trials=("e1910",)))
    assert [item.patients for item in named.used] == ["e1910/blinatumomab", "e1910/chemotherapy"]


@pytest.mark.parametrize("endpoint", ["MRD-", "CR", "OS", "CRS3+", "EFS", "HSCT", "relapse incidence"])
def test_every_row_of_the_catalog_is_used_or_accounted_for(endpoint):
    question = PoolQuestion(endpoint, role="context" if endpoint == "relapse incidence" else None)
    try:
        found = pool_results(question)
    except EmptySelection:
        pytest.skip("no row of this endpoint can be pooled")
    rows = {(r.trial, r.id) for r in all_results(endpoint=endpoint)}
    told = [(s["trial"], s["row"]) for s in (*found["studies"], *found["left_out"])]
    assert len(told) == len(set(told))
    assert set(told) == rows
    assert all(item["reason"] for item in found["left_out"])
    assert found["lo"] <= found["estimate"] <= found["hi"]
    sets = [f"{s['trial']}/{s['arm']}" for s in found["studies"]]
    assert not any(pool_rows.share_patients(a, b, pool_rows.overlaps()) for i, a in enumerate(sets) for b in sets[:i])
    assert {s["number"] for s in found["studies"]} == {source["number"] for source in found["sources"]}

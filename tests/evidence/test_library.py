"""Queries return exactly the rows asked for, with stable keys."""

import pytest

from remission.base.errors import Problem, RemissionError, UsageError
from remission.evidence import all_results, conflicts, rows_of, sources, trials

KEYS = [
    "trial",
    "arm",
    "endpoint",
    "months",
    "where",
    "value",
    "numerator",
    "n",
    "lo95",
    "hi95",
    "source",
    "place",
    "published_on",
    "role",
    "status",
]


def test_rows_carry_the_promised_keys_first() -> None:
    row = all_results(trial="s1318", endpoint="OS")[0].to_dict()
    assert list(row)[: len(KEYS)] == KEYS
    assert (row["months"], row["value"], row["n"], row["lo95"], row["hi95"]) == (36.0, 0.37, 29, 0.20, 0.55)
    assert (row["source"], row["place"], row["role"], row["status"]) == (
        "advani-2022",
        "abstract",
        "calibrate",
        "reported",
    )


def test_no_filter_returns_everything() -> None:
    assert len(all_results()) == sum(len(trial.results) for trial in trials().values())
    assert len(all_results()) > 100


def test_filters_agree_with_a_plain_loop() -> None:
    rows = all_results()
    assert all_results(endpoint="OS", role="calibrate") == tuple(
        r for r in rows if r.endpoint == "OS" and r.role == "calibrate"
    )
    assert all_results(trial="e1910", arm="chemotherapy") == tuple(
        r for r in rows if r.trial == "e1910" and r.arm == "chemotherapy"
    )
    assert all_results(endpoint="OS", role="calibrate")
    assert all_results(trial="e1910", arm="chemotherapy")


def test_where_is_read_as_a_condition_not_as_text() -> None:
    asked = all_results(trial="mdacc-mini-hcvd-ino-blina", where="age>=70")
    assert asked
    assert {row.where for row in asked} == {"age >= 70"}
    whole = all_results(trial="mdacc-mini-hcvd-ino-blina", where="none")
    assert whole
    assert {row.where for row in whole} == {None}


def test_as_of_hides_what_was_not_yet_published() -> None:
    early = all_results(as_of="2020-12-31")
    assert early
    assert not [row for row in early if row.trial in ("a041703", "e1910")]
    everything = [row for row in all_results() if row.source != "bcj-2024-table"]
    assert list(all_results(as_of="2023-08-17")) == everything
    assert not [row for row in all_results(as_of="2023-08-16") if row.source == "pourhassan-2023"]


def test_population_is_an_id_or_a_word() -> None:
    by_id = all_results(population="s1318")
    assert by_id
    assert {row.trial for row in by_id} >= {"s1318"}
    assert all(row.population and "randomised" in row.population for row in all_results(population="randomised"))


def test_rows_name_their_conflicts() -> None:
    row = next(row for row in all_results(trial="a041703", endpoint="OS") if row.status == "disputed")
    assert row.conflicts == ("overall-survival-cell",)


def test_conflicts_of_one_trial_and_of_all() -> None:
    assert {trial for trial, _ in conflicts("a041703")} == {"a041703"}
    assert len(conflicts()) == sum(len(trial.conflicts) for trial in trials().values())


def test_rows_keep_the_order_of_the_file() -> None:
    trial = trials()["s1318"]
    assert [row.id for row in rows_of(trial)] == [result.id for result in trial.results]


@pytest.mark.parametrize(
    ("filters", "near"),
    [
        ({"endpoint": "OSS"}, "OS"),
        ({"role": "calibrated"}, "calibrate"),
        ({"trial": "e1910", "arm": "chemo"}, "chemotherapy"),
    ],
)
def test_unknown_filters_name_the_nearest(filters: dict[str, str], near: str) -> None:
    with pytest.raises(UsageError) as caught:
        all_results(**filters)
    assert caught.value.near == near


@pytest.mark.parametrize("filters", [{"trial": "none"}, {"where": "aeg > 3"}, {"as_of": "yesterday"}])
def test_malformed_filters_are_refused(filters: dict[str, str]) -> None:
    with pytest.raises((RemissionError, Problem)):
        all_results(**filters)


def test_sources_are_keyed_by_their_ids() -> None:
    assert all(identifier == source.id for identifier, source in sources().items())

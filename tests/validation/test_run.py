"""A whole validation of two trials with few prior draws: keys, coverage of rows, sizes, and that the same seed gives the same."""

import json

import pytest

from remission.base.errors import EmptySelection
from remission.engine import prior_draws
from remission.inference.validation import Prior, Settings, validate
from remission.inference.validation import baseline as competing
from remission.inference.validation.readings import read_all, scorable
from remission.inference.validation.run import intensity
from remission.protocol import load_regimen

SUMMARY = {
    "n",
    "trials",
    "coverage50",
    "coverage90",
    "coverage90_se",
    "pit50",
    "pit90",
    "crps",
    "crps_baseline",
    "crps_ratio",
    "crps_ratio_lo90",
    "crps_ratio_hi90",
    "mean_absolute_error",
    "mean_absolute_error_baseline",
    "bias",
    "bias_se",
    "width90",
    "width90_baseline",
    "baseline",
    "bias_by_endpoint",
    "groups",
    "validate",
}
ROW = {
    "trial",
    "arm",
    "id",
    "endpoint",
    "months",
    "at",
    "where",
    "role",
    "published",
    "published_n",
    "published_on",
    "status",
    "source",
    "place",
    "note",
    "n",
    "worth",
    "median",
    "lo50",
    "hi50",
    "lo90",
    "hi90",
    "crps",
    "pit",
    "covered50",
    "covered90",
    "expected",
    "error",
    "width90",
    "family",
    "age_group",
    "ph",
    "intensity",
    "how",
    "pareto_k",
    "competitors",
    "crps_baseline",
    "median_baseline",
    "lo90_baseline",
    "hi90_baseline",
    "covered90_baseline",
    "pit_baseline",
    "baseline",
}


@pytest.fixture(scope="module")
def result() -> dict:
    return validate(Prior(prior_draws(12, 1)), Settings(100, 1, 2), ("a041703", "s1318"))


def test_keys_are_complete_and_plain(result: dict) -> None:
    assert set(result) == {"summary", "rows", "held", "baselines", "rules", "provenance"}
    assert set(result["summary"]) == SUMMARY
    assert all(set(row) == ROW for row in result["rows"])
    assert json.loads(json.dumps(result)) == result


def test_every_published_number_of_the_trials_is_predicted(result: dict) -> None:
    asked = {item.key for item in scorable() if item.row.trial in ("a041703", "s1318")}
    found = {f"{row['trial']}/{row['arm']}/{row['id']}" for row in result["rows"]}
    rare = {f"{item['trial']}/main/{name}" for item in result["held"] for name in item["not_predicted"]}
    assert found | rare == asked
    assert len(found) >= 11
    assert result["summary"]["n"] == sum(row["role"] == "calibrate" for row in result["rows"])


def test_rows_agree_with_themselves(result: dict) -> None:
    for row in result["rows"]:
        assert row["lo90"] <= row["lo50"] <= row["median"] <= row["hi50"] <= row["hi90"]
        assert 0 <= row["pit"] <= 1
        assert 1 <= row["worth"] <= row["n"]
        assert row["crps"] >= 0
        assert (
            row["crps"]
            <= max(abs(row["published"] - row["lo90"]), abs(row["published"] - row["hi90"])) + row["width90"]
        )
        assert row["error"] == pytest.approx(row["median"] - row["published"], abs=1e-3)
        assert not any(
            key.startswith(f"{row['trial']}/") for rival in row["competitors"].values() for key in rival["rows"]
        )
        assert row["how"] == "prior"


def test_the_baseline_is_the_best_competitor(result: dict) -> None:
    means = [item["crps"] for item in result["baselines"]]
    assert means == sorted(means)
    assert len(means) == len(competing.COMPETITORS)
    assert result["summary"]["baseline"] == result["baselines"][0]["name"]
    assert result["summary"]["crps_baseline"] == pytest.approx(means[0], abs=1e-4)


def test_the_same_seed_gives_the_same_on_any_threads(result: dict) -> None:
    again = validate(Prior(prior_draws(12, 1)), Settings(100, 1, 1), ("s1318",))
    mine = {row["id"]: row for row in result["rows"] if row["trial"] == "s1318"}
    for row in again["rows"]:
        assert {k: row[k] for k in ("median", "lo90", "hi90", "crps", "pit")} == {
            k: mine[row["id"]][k] for k in ("median", "lo90", "hi90", "crps", "pit")
        }


def test_readings_do_not_depend_on_how_draws_are_cut(monkeypatch) -> None:
    from remission.inference.validation import readings

    asked = [item for item in scorable("s1318") if item.row.role == "calibrate"]
    p = prior_draws(5, 1)
    whole = read_all(asked, p, 80, 1, None, 1)
    monkeypatch.setattr(readings, "COURSES_AT_A_TIME", 160)
    cut = read_all(asked, p, 80, 1, None, 1)
    for key, reading in whole.items():
        assert reading.expected == pytest.approx(cut[key].expected, nan_ok=True)
        assert reading.information == pytest.approx(cut[key].information, nan_ok=True)


def test_a_trial_without_results_is_refused() -> None:
    with pytest.raises(EmptySelection) as caught:
        validate(Prior(prior_draws(2, 1)), Settings(10, 1), ("ea9181",))
    assert "s1318" in caught.value.near or "a041703" in caught.value.near


def test_intensity_of_regimens() -> None:
    assert intensity(load_regimen("e1910-chemotherapy")) == "intensive"
    assert intensity(load_regimen("mdacc-mini-hcvd-ino-blina")) == "reduced"
    assert intensity(load_regimen("d-alba")) == "none"

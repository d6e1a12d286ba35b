"""No leakage: a held-out trial's numbers can be changed at will without changing its own prediction or that of its competitor."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.sample import OLD, YOUNG, counts, survival

from remission.engine import prior_draws
from remission.evidence import all_results
from remission.evidence.pool_rows import Overlap, overlaps, reviewed
from remission.inference.validation import Posterior, Settings, baseline, matching, run, validate
from remission.inference.validation.baseline import COMPETITORS, pool
from remission.inference.validation.readings import scorable

SHARED = (Overlap(set="one/main", shares=("twin/main",), assumed="invented"),)
OTHERS = [counts(f"c{k}", 3 + k, 20 + k, OLD if k % 2 else YOUNG) for k in range(7)]
OTHERS += [survival(f"s{k}", 0.4 + 0.05 * k, 12.0 + 4 * k, OLD if k % 2 else YOUNG) for k in range(8)]
REVIEW = frozenset(known.row.trial for known in OTHERS) | {"one", "twin"}
SHARES = st.floats(0.01, 0.99)


@settings(max_examples=15)
@given(SHARES, SHARES, SHARES, SHARES, st.sampled_from(COMPETITORS))
def test_no_competitor_sees_the_trial_or_its_twin(a, b, c, d, competitor) -> None:
    def make(own: float, other: float, twin: float, late: float) -> list:
        target = [counts("one", 5, 10, id="cr"), survival("one", 0.5, 24.0, id="os")]
        target = [
            replace(t, row=replace(t.row, value=v, numerator=None)) for t, v in zip(target, (own, other), strict=True)
        ]
        twins = [counts("twin", 5, 10, OLD), survival("twin", 0.5, 24.0, OLD)]
        twins = [
            replace(t, row=replace(t.row, value=v, numerator=None)) for t, v in zip(twins, (twin, late), strict=True)
        ]
        return [pool(t, [*OTHERS, *target, *twins], competitor, SHARED, REVIEW) for t in target]

    for one, two in zip(make(0.5, 0.5, 0.5, 0.5), make(a, b, c, d), strict=True):
        assert np.array_equal(one.nodes, two.nodes)
        assert one.rows == two.rows
        assert not any(key.startswith(("one/", "twin/")) for key in one.rows)


def test_the_test_itself_sees_a_leak() -> None:
    target = counts("one", 5, 10)
    other = counts("c0", 19, 20)
    base = pool(target, OTHERS, COMPETITORS[0], SHARED, REVIEW)
    changed = pool(target, [other, *OTHERS[1:]], COMPETITORS[0], SHARED, REVIEW)
    assert not np.array_equal(base.nodes, changed.nodes)


def test_left_out_holds_the_trial_and_every_set_that_shares_its_patients() -> None:
    rows = [row for row in all_results() if row.role == "calibrate"]
    out = matching.left_out("mdacc-hcvad-blina-ino", rows, overlaps())
    assert any(key.startswith("mdacc-hcvad-blina/pooled/") for key in out)
    assert not any(key.startswith("mdacc-hcvad-blina/main/") for key in out)
    assert {key.split("/")[0] for key in matching.left_out("s1318", rows, overlaps())} == {"s1318"}


class Fake:
    """A make-believe fit: its draws move with every published value that it is allowed to see."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values
        self.full = replace(prior_draws(6, 1), name="make-believe")
        self.asked: list[frozenset[str]] = []

    def refit(self, sets, tell):
        self.asked += sets
        return [self.of(sum(value for key, value in self.values.items() if key not in rows)) for rows in sets]

    def of(self, seen: float):
        values = self.full.values.copy()
        values[:, self.full.names.index("growth")] *= np.exp(0.2 * seen)
        return replace(self.full, values=values)


@pytest.fixture
def small(monkeypatch):
    """Validate two trials with the values of one of them multiplied."""

    def validated(factor: float) -> dict:
        everything = [
            replace(asked, row=replace(asked.row, value=asked.row.value * factor, numerator=None))
            if asked.row.trial == "s1318"
            else asked
            for asked in scorable()
            if asked.key in USED
        ]
        fake = Fake({asked.key: asked.row.value for asked in everything if asked.row.role == "calibrate"})
        monkeypatch.setattr(baseline, "COMPETITORS", (COMPETITORS[0], COMPETITORS[5]))
        monkeypatch.setattr(run, "scorable", lambda: tuple(everything))
        known = [
            replace(k, row=replace(k.row, value=k.row.value * factor, numerator=None)) if k.row.trial == "s1318" else k
            for k in CANDIDATES
        ]
        monkeypatch.setattr(matching, "candidates", lambda: tuple(known))
        return validate(Posterior(fake.full, fake.refit), Settings(40, 1, 2), ("s1318", "e1910"))

    return validated


USED = ("s1318/main/cr", "s1318/main/os-36", "e1910/chemotherapy/os-42-chemotherapy")
CANDIDATES = matching.candidates()
PREDICTED = ("median", "lo50", "hi50", "lo90", "hi90", "expected", "n", "worth")


def test_a_whole_validation_does_not_leak(small) -> None:
    one, other = small(1.0), small(0.5)
    assert {r["how"] for r in one["rows"]} == {"refit"}
    for before, after in zip(one["rows"], other["rows"], strict=True):
        same = [before[name] == after[name] for name in PREDICTED]
        rivals = all(
            {k: v for k, v in before["competitors"][name].items() if k not in ("crps", "pit", "covered50", "covered90")}
            == {
                k: v
                for k, v in after["competitors"][name].items()
                if k not in ("crps", "pit", "covered50", "covered90")
            }
            for name in before["competitors"]
        )
        if before["trial"] == "s1318":
            assert all(same)
            assert rivals
            assert before["published"] != after["published"]
    # the other trial's prediction does move: its fit may see what was changed
    moved = [
        a["expected"] != b["expected"] for a, b in zip(one["rows"], other["rows"], strict=True) if a["trial"] == "e1910"
    ]
    assert any(moved)


def test_reviewed_trials_are_those_with_results() -> None:
    assert {asked.row.trial for asked in scorable()} <= reviewed()

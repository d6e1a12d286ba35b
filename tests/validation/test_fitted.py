"""What comes from a calibration: the likelihood of rows taken out, and the folder that can fit again."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from remission.base.errors import NotFound
from remission.engine import prior_draws
from remission.inference import calibration
from remission.inference.calibration.likelihood import signed_root
from remission.inference.calibration.targets import Target, Targets
from remission.inference.validation.fitted import marginal, of_folder

KNOWN = {
    "arm": "main", "endpoint": "CR", "months": None, "assessment": "any", "where": None, "kind": "count", "worth": 1.0,
    "basis": "count", "sign": 1, "regimen": "r", "regimens": ("r",), "population": "p", "published_on": "2020", "cut": None,
}


def target(trial: str, number: int, value: float, n: float) -> Target:
    told = {**KNOWN, "trial": trial, "id": f"row-{number}", "value": value, "n": n, "enrolled": int(n)}
    return Target(**{field.name: told[field.name] for field in fields(Target) if field.name in told})


def weighed(*rows: Target) -> Targets:
    return Targets(rows, (), np.eye(len(rows)), np.zeros(len(rows)))


def exact(eta: float, value: float, n: float, tau: float) -> float:
    """One row: the discrepancy of arm and row together is normal with SD tau."""

    def integrand(d: float) -> float:
        return float(np.exp(-0.5 * signed_root(np.array(eta + d), value * n, n) ** 2) * norm.pdf(d, scale=tau))

    return float(np.log(quad(integrand, -2, 2, points=[0.0])[0]))


def test_the_marginal_likelihood_of_one_row_is_its_integral() -> None:
    targets = weighed(target("a", 1, 0.7, 60.0), target("b", 1, 0.2, 30.0))
    eta = np.array([[0.5, 0.0], [1.5, 1.0], [0.0, -1.0]])
    tau = np.array([0.25, 0.4, 0.1])
    found = marginal(eta, tau, targets, frozenset({"a/main/row-1"}), 1)
    wanted = [exact(eta[k, 0], 0.7, 60.0, tau[k]) for k in range(3)]
    assert found == pytest.approx(wanted, abs=0.08)


def test_rows_of_other_trials_do_not_matter_and_no_rows_mean_nothing() -> None:
    one = weighed(target("a", 1, 0.7, 60.0), target("b", 1, 0.2, 30.0))
    two = weighed(target("a", 1, 0.7, 60.0), target("b", 1, 0.9, 500.0))
    eta, tau, rows = np.array([[0.5, 0.0], [1.5, 1.0]]), np.full(2, 0.25), frozenset({"a/main/row-1"})
    assert np.array_equal(marginal(eta, tau, one, rows, 1), marginal(eta, tau, two, rows, 1))
    assert np.array_equal(marginal(eta, tau, one, frozenset(), 1), np.zeros(2))


def test_a_row_that_fits_is_more_likely() -> None:
    targets = weighed(target("a", 1, 0.7, 60.0))
    eta = np.log(0.7 / 0.3) + np.array([[0.0], [1.0], [-1.5]])
    found = marginal(eta, np.full(3, 0.25), targets, frozenset({"a/main/row-1"}), 1)
    assert found[0] > found[1] > found[2]


def test_the_folder_of_a_fit_fits_again_without_the_rows(tmp_path, monkeypatch) -> None:
    asked = {}
    full = replace(prior_draws(6, 1), name="calibration")

    class Fitted:
        targets = weighed(target("a", 1, 0.7, 60.0))
        summary = {"rhat_max": 1.001}  # noqa: RUF012

        def draws(self):
            return full

    def load_fit(folder, targets, settings):
        asked["settings"] = settings
        return Fitted()

    def refit(source, without, progress, **sizes):
        asked.update(without=list(without), **sizes)
        progress(1.0)
        return [full.part(0, 3) for _ in without]

    monkeypatch.setattr(calibration, "load_fit", load_fit)
    monkeypatch.setattr(calibration, "refit", refit)
    monkeypatch.setattr(calibration, "load_targets", lambda: Fitted.targets)
    (tmp_path / "fit.json").write_text(json.dumps({"settings": {**calibration.Settings().to_dict(), "seed": 7}}))
    belief = of_folder(tmp_path, "refit", 300)
    rows = {"a": frozenset({"a/main/row-1"}), "b": frozenset({"b/main/row-2"})}
    found = belief.leave_out(rows, lambda what, share: None)
    assert asked["settings"].seed == 7
    assert asked["draws"] == 300
    assert asked["without"] == [rows["a"], rows["b"]]
    assert {held.how for held in found.values()} == {"refit"}
    assert belief.full is full
    assert belief.diagnostics == {"rhat_max": 1.001}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": {"no_such_size": 1}}'])
def test_a_folder_without_a_fit_is_not_found(tmp_path, text: str) -> None:
    (tmp_path / "fit.json").write_text(text)
    with pytest.raises(NotFound) as caught:
        of_folder(tmp_path)
    assert "fit.json" in caught.value.where

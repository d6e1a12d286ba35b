"""Do emulator, sampler, smoother and re-weighting give known answers back?"""

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("numpyro")
pytest.importorskip("arviz")
pytest.importorskip("iterative_ensemble_smoother")

from remission.engine.parameters import Parameter
from remission.inference.calibration.checks import judge, reduced_space, uniformity
from remission.inference.calibration.emulator import Emulator, held_out, network, train
from remission.inference.calibration.likelihood import Data, data_of, log_likelihood
from remission.inference.calibration.reweight import log_ratio, resample, spaced, weigh_draws
from remission.inference.calibration.sampler import Chains, sample, stack
from remission.inference.calibration.simulator import Readings
from remission.inference.calibration.smoother import covariance, observed, smooth
from remission.inference.calibration.space import DISCREPANCY, Space

KEYS = ("a", "b", "c")


def parameter(name, **prior):
    return Parameter(name=name, unit="1", prior=prior, basis="assumption", about="a test", evidence="none")


def space(count=3, tau=None):
    items = [parameter(f"p{k}", normal=[0.0, 1.0]) for k in range(count)]
    return Space((*items, parameter(DISCREPANCY, lognormal=[tau or 1e-9, 0.5])))


LANES, WARMUP, SAMPLES, THIN = 48, 300, 63 * 6, 6  # the same everywhere, so that NUTS is compiled once


def run(where, emulator, sets, thin=1, seed=1):
    """NUTS on as many lanes as there are, the sets of data side by side."""
    lanes = stack(sets, LANES // len(sets))
    return sample(where, emulator, lanes, 1, warmup=WARMUP, samples=SAMPLES, thin=thin, seed=seed)


def linear(matrix, bias, error=0.0):
    """An emulator whose logits are exactly linear."""
    inputs, rows = matrix.shape
    weights = {
        "bias": np.asarray(bias, float)[None], "linear": matrix[None], "in": np.zeros((1, inputs, 2)), "in_bias": np.zeros((1, 2)),
        "middle": np.zeros((1, 2, 2)), "middle_bias": np.zeros((1, 2)), "out": np.zeros((1, 2, rows)),
    }  # fmt: skip
    weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    names = tuple(f"p{k}" for k in range(inputs))
    return Emulator(KEYS[:rows], names, tuple(range(inputs)), weights, np.full(rows, error), np.zeros(rows))


def plain(yes, size):
    rows = len(yes)
    return Data(
        np.asarray(yes, float),
        np.asarray(size, float),
        np.eye(rows),
        np.ones(rows),
        np.zeros(rows, int),
        np.zeros(rows),
    )


MATRIX = np.array([[1.0, 0.3, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.0]])
BIAS = np.array([0.2, -0.5, 1.0])


def test_the_emulator_learns_a_known_function_from_noisy_runs():
    """A curved function of five inputs, seen through 400 patients a run: the error is far below the noise, and is known."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(6000, 5))

    def truth(x):
        return np.stack(
            [0.3 + 0.8 * x[:, 0] + 0.3 * x[:, 1] * x[:, 2], -1.5 + 0.5 * np.tanh(2 * x[:, 3]), 0 * x[:, 4]], axis=1
        )

    p = 1 / (1 + np.exp(-truth(z)))
    patients = np.full(p.shape, 400.0)
    seen = Readings(rng.binomial(400, p) / 400, patients, patients)
    found = train(KEYS, tuple("vwxyz"), (0, 1, 2, 3, 4), z, seen, hidden=32, epochs=60, members=2)
    fresh = rng.normal(size=(4000, 5))
    error = np.sqrt(np.mean((found.logits(fresh) - truth(fresh)) ** 2, axis=0))
    assert np.all(error < 0.06)
    assert np.all(found.noise > 0.08)
    assert np.all(np.abs(found.error - error) < 0.05)


def test_the_stated_error_is_the_error():
    rng = np.random.default_rng(2)
    eta = rng.normal(-1, 0.5, size=(20_000, 2))
    wrong = eta + np.array([0.0, 0.2]) * rng.choice([-1, 1], size=(20_000, 1))
    share = rng.binomial(500, 1 / (1 + np.exp(-eta))) / 500
    error, noise = held_out(wrong, share, np.full(share.shape, 500.0))
    assert error[0] < 0.03
    assert error[1] == pytest.approx(0.2, abs=0.02)
    assert np.all(noise > 0.08)


def test_the_emulator_is_the_same_in_numpy_and_jax_and_after_keeping():
    import jax.numpy as jnp

    rng = np.random.default_rng(3)
    shapes = {"bias": (2, 3), "linear": (2, 4, 3), "in": (2, 4, 5), "in_bias": (2, 5), "middle": (2, 5, 5)}
    shapes |= {"middle_bias": (2, 5), "out": (2, 5, 3)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    x = rng.normal(size=(7, 4))
    here, there = network(weights, x, np), network(weights, jnp.asarray(x), jnp)
    assert here == pytest.approx(np.asarray(there), abs=1e-4)
    kept = Emulator(KEYS, tuple("wxyz"), (0, 1, 2, 3), weights, np.zeros(3), np.zeros(3))
    assert np.array_equal(Emulator.of_arrays(kept.arrays()).logits(x), kept.logits(x))
    assert kept.keep(("c", "a")).logits(x) == pytest.approx(kept.logits(x)[:, [2, 0]])


def normal_posterior(matrix, bias, yes, size, extra=0.0):
    """Closed form for a linear logit and large counts: mean and SD of the coordinates."""
    centre, sd = observed(plain(yes, size))
    a = matrix / np.sqrt(sd**2 + extra**2)
    precision = np.eye(len(matrix)) + a @ a.T
    mean = np.linalg.solve(precision, a @ ((centre - bias) / np.sqrt(sd**2 + extra**2)))
    return mean, np.sqrt(np.diag(np.linalg.inv(precision)))


def test_nuts_gives_the_closed_form_back():
    """Two informed coordinates, and one that nothing informs and that stays at its prior."""
    yes, size = [300, 180, 365], [500, 500, 500]
    chains = run(space(), linear(MATRIX, BIAS), [plain(yes, size)])
    mean, sd = normal_posterior(MATRIX, BIAS, yes, size)
    z = chains.flat("z")
    assert chains.diverging.sum() == 0
    assert z[:, :3].mean(axis=0) == pytest.approx(mean, abs=0.06)
    assert z[:, :3].std(axis=0) == pytest.approx(sd, rel=0.06, abs=0.02)
    assert (z[:, 2].mean(), z[:, 2].std()) == (pytest.approx(0, abs=0.06), pytest.approx(1, rel=0.06))


def test_error_of_the_emulator_and_discrepancy_widen_the_posterior():
    """Each lane has its own data and the prior of tau is met where the data cannot say anything of it."""
    yes, size = [300, 180, 365], [500, 500, 500]
    told = plain(yes, size)
    silent = told._replace(precision=np.zeros((3, 3)))
    chains = run(space(tau=0.3), linear(MATRIX, BIAS, 0.2), [told, silent])
    narrow = normal_posterior(MATRIX, BIAS, yes, size)[1]
    wide = normal_posterior(MATRIX, BIAS, yes, size, 0.45)[1]
    found = chains.part(slice(0, LANES // 2)).flat("z").std(axis=0)
    assert np.all(found[:2] > narrow[:2])
    assert np.all(found[:2] < 1.15 * wide[:2])
    prior = chains.part(slice(LANES // 2, LANES)).flat("z")
    assert prior.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.08)
    assert prior.std(axis=0) == pytest.approx(np.ones(4), rel=0.07)


def test_the_smoother_is_exact_for_a_linear_model():
    data = plain([300, 180, 365], [500, 500, 500])
    start = np.random.default_rng(1).normal(size=(4000, 3))
    start = np.concatenate([start, np.zeros((4000, 1))], axis=1)
    z = smooth(space(), data, np.eye(3), start, 4, 1, lambda z, step: z[:, :3] @ MATRIX + BIAS)[:, :3]
    mean, sd = normal_posterior(MATRIX, BIAS, [300, 180, 365], [500, 500, 500])
    assert z.mean(axis=0) == pytest.approx(mean, abs=0.06)
    assert z.std(axis=0) == pytest.approx(sd, abs=0.05)


def test_covariance_holds_sampling_error_and_both_discrepancies():
    data = plain([10, 20], [40, 40])._replace(sign=np.array([1.0, -1.0]), spread=np.array([0.0, 0.3]))
    _, sd = observed(data)
    found = covariance(data, np.array([[1, 0.5], [0.5, 1]]), 0.4)
    assert np.diag(found) == pytest.approx(sd**2 + 0.16 + np.array([0, 0.09]))
    assert found[0, 1] == pytest.approx(0.5 * sd[0] * sd[1] - 0.08)


def test_weights_move_a_wrong_emulator_to_the_simulator():
    """The emulator is off by 0.1 on one row; the simulator is exact: weighted draws have the right mean."""
    yes, size = [300, 180, 365], [500, 500, 500]
    data = plain(yes, size)
    wrong = linear(MATRIX, BIAS + np.array([0.1, 0.0, 0.0]))
    chains = run(space(), wrong, [data])
    index = spaced(chains, 4000)
    eta = chains.flat("z")[index, :3] @ MATRIX + BIAS
    many = np.full(eta.shape, 1e9)
    ratio, noise = log_ratio(space(), data, wrong, chains, index, Readings(1 / (1 + np.exp(-eta)), many, many))
    weighted = weigh_draws(ratio, noise)
    assert noise < 1e-3
    assert weighted.telling
    mean, _ = normal_posterior(MATRIX, BIAS, yes, size)
    before, after = chains.flat("z").mean(axis=0), weighted.weights @ chains.flat("z")[index]
    assert abs(before[0] - mean[0]) > 0.07
    assert after[:2] == pytest.approx(mean[:2], abs=0.05)
    assert weighted.pareto_k < 0.7
    kept = chains.flat("z")[index[resample(weighted.weights, 1000, 1)]]
    assert kept.mean(axis=0)[:2] == pytest.approx(mean[:2], abs=0.06)


def test_the_noise_of_the_simulator_is_known_and_an_exact_emulator_is_believed():
    """20 000 patients a run: what the weights vary by is the simulator's noise, and they are not used."""
    data = plain([300, 180, 365], [500, 500, 500])
    chains = run(space(), linear(MATRIX, BIAS), [data])
    index = spaced(chains, 4000)
    p = 1 / (1 + np.exp(-(chains.flat("z")[index, :3] @ MATRIX + BIAS)))
    patients = np.full(p.shape, 20_000.0)
    seen = Readings(np.random.default_rng(1).binomial(20_000, p) / 20_000, patients, patients)
    ratio, noise = log_ratio(space(), data, linear(MATRIX, BIAS), chains, index, seen)
    weighted = weigh_draws(ratio, noise)
    assert weighted.variance == pytest.approx(noise, rel=0.1)
    assert not weighted.telling


def test_equal_weights_keep_every_draw_once():
    assert sorted(resample(np.full(50, 0.02), 50, 3)) == list(range(50))
    picked = np.bincount(resample(np.array([0.5, 0.25, 0.25, 0.0]), 100, 1), minlength=4)
    assert picked.tolist() == [50, 25, 25, 0]


def test_ranks_of_the_right_fit_are_uniform_and_of_a_wrong_one_are_not():
    rng = np.random.default_rng(2)
    right = rng.integers(0, 64, size=(100, 400))
    narrow = np.clip(np.rint(31.5 + 1.5 * (right - 31.5)), 0, 63).astype(int)  # too sure: ranks pile up at the ends
    shifted = np.clip(right + 12, 0, 63)
    assert 0.02 < np.mean(uniformity(right, 63) < 0.05) < 0.09
    assert np.mean(uniformity(narrow, 63) < 0.05) > 0.9
    assert np.mean(uniformity(shifted, 63) < 0.05) > 0.99


def test_simulation_based_calibration_of_the_sampler():
    """Data sets from prior draws of a linear model with a discrepancy, each fitted: ranks are uniform, coverage is right."""
    rng = np.random.default_rng(5)
    where, sets = space(tau=0.3), 3 * LANES
    truth = rng.normal(size=(sets, 4))
    tau = where.discrepancy(truth)
    size = np.full(3, 60.0)
    moved = tau[:, None] * np.sqrt(0.5) * (rng.normal(size=(sets, 1)) + rng.normal(size=(sets, 3)))
    yes = rng.binomial(60, 1 / (1 + np.exp(-(truth[:, :3] @ MATRIX + BIAS + moved))))
    parts = [
        run(where, linear(MATRIX, BIAS), [plain(row, size) for row in yes[k : k + LANES]], THIN, seed=k)
        for k in range(0, sets, LANES)
    ]
    chains = Chains(*(np.concatenate([getattr(part, name) for part in parts]) for name in Chains.__dataclass_fields__))
    found = judge(where.names, truth, chains)
    assert found["p_min"] > 0.01
    assert found["coverage90"] == pytest.approx(0.9, abs=0.04)
    by_name = {row["parameter"]: row for row in found["parameters"]}
    assert by_name["p0"]["correlation"] > 0.6  # informed
    assert by_name["p2"]["ratio"] == pytest.approx(1.0, abs=0.05)  # left alone
    assert abs(by_name["p2"]["correlation"]) < 0.25


def test_a_reduced_space_fixes_the_others():
    small = reduced_space(space(tau=0.3), ["p1"])
    assert small.names == ("p1",)
    draws = small.draws(np.array([[1.0], [2.0]]), (0, 1))
    assert draws.values[:, 1].tolist() == [1.0, 2.0]
    assert draws.values[:, 0].tolist() == [0.0, 0.0]
    assert small.discrepancy(np.zeros((2, 1))).tolist() == [0.0, 0.0]
    assert small.inputs == (0,)
    assert space(tau=0.3).inputs == (0, 1, 2)


def test_the_likelihood_is_the_same_in_numpy_and_jax():
    import jax.numpy as jnp

    eta = np.random.default_rng(1).normal(size=(20, 3))
    data = plain([0, 18, 365], [30, 50, 500])
    here = log_likelihood(eta, data)
    there = log_likelihood(jnp.asarray(eta), Data(*(jnp.asarray(a) for a in data)), jnp)
    assert np.asarray(there) == pytest.approx(here, rel=1e-3, abs=1e-3)


def test_targets_must_be_weighed_first():
    from remission.inference.calibration import load_targets

    with pytest.raises(ValueError, match="weigh"):
        data_of(load_targets(["s1318"]))

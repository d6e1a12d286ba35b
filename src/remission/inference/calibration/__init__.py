"""The fit of the model to what was published.

Inputs: the results of the catalog with the role `calibrate`, the priors, and the simulator.
Outputs: parameter draws, what was learned about each parameter, and how far the fit can be trusted.
"""

from remission.inference.calibration.checks import agree, calibrate_by_simulation
from remission.inference.calibration.fit import Posterior, fit, load_fit, refit
from remission.inference.calibration.release import release, renew, stale_evidence, to_arviz, write_netcdf
from remission.inference.calibration.settings import FAST, Settings
from remission.inference.calibration.sharing import weigh
from remission.inference.calibration.simulator import Readings, expected, readings
from remission.inference.calibration.space import Space, load_space
from remission.inference.calibration.targets import Target, Targets, load_targets

__all__ = [
    "FAST",
    "Posterior",
    "Readings",
    "Settings",
    "Space",
    "Target",
    "Targets",
    "agree",
    "calibrate_by_simulation",
    "expected",
    "fit",
    "load_fit",
    "load_space",
    "load_targets",
    "readings",
    "refit",
    "release",
    "renew",
    "stale_evidence",
    "to_arviz",
    "weigh",
    "write_netcdf",
]

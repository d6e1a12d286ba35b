"""What happens to the patients?

Inputs: resolved regimens, populations, parameter draws and a seed.
Outputs: histories of burden, remission, relapse, toxicity and death, as arrays of shape (draws, patients).
"""

from remission.engine.parameters import Draws, Parameter, load_parameters, prior_centre, prior_draws
from remission.engine.posterior import load_draws

__all__ = ["Draws", "Parameter", "load_draws", "load_parameters", "prior_centre", "prior_draws"]

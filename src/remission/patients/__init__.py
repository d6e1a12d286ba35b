"""Who is treated?

Inputs: population files with published distributions, a seed, and how many patients.
Outputs: cohorts of virtual patients as arrays of shape (draws, patients).
"""

from remission.patients.population import Cohort, Population, load_population, sample

__all__ = ["Cohort", "Population", "load_population", "sample"]

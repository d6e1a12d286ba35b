"""Who is treated?

Inputs: population files with published distributions, or a user's cohort; a seed, and how many patients.
Outputs: cohorts of virtual patients as arrays of shape (draws, patients).
"""

from remission.patients.columns import COLUMNS
from remission.patients.population import Population, load_population
from remission.patients.reference import Covariates
from remission.patients.sampling import Cohort, Numbers, sample
from remission.patients.table import CohortTable, InvalidCohort, read_cohort
from remission.patients.words import in_words

__all__ = ["COLUMNS", "Cohort", "CohortTable", "Covariates", "InvalidCohort", "Numbers", "Population", "in_words", "load_population",
           "read_cohort", "sample"]

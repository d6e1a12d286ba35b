"""What do we want to know?

Inputs: regimens, a population and parameter draws (never the fit itself).
Outputs: paired differences between strategies on the same patients; placements of blinatumomab with their front, probabilities and
value of information; the review's statements with verdicts. All with credible intervals, as plain data with stable keys.
"""

from remission.decide.burden import Table as DayTable
from remission.decide.claims import Claim, claim, load_claims, run_claims
from remission.decide.compare import Comparison, compare, event_free, parse_endpoint
from remission.decide.experiments import Searched, regimen_of
from remission.decide.placements import Limits, Placement, placements
from remission.decide.position import position
from remission.decide.ranking import Questions, questions, rank
from remission.decide.render import render
from remission.decide.search import Bounds, Stage, disease_of
from remission.decide.space import Space
from remission.decide.spread import Interval

__all__ = ["Bounds", "Claim", "Comparison", "DayTable", "Interval", "Limits", "Placement", "Questions", "Searched", "Space", "Stage",
           "claim", "compare", "disease_of", "event_free", "load_claims", "parse_endpoint", "placements", "position", "questions",
           "rank", "regimen_of", "render", "run_claims"]

"""What has been published?

Inputs: the results halves of the catalog's trial files and its sources, transcribed by people.
Outputs: checked results with source, place, date and role; conflicts between sources; findings of the checks.
"""

from remission.evidence.check import Finding, check_document, check_evidence
from remission.evidence.dates import CUT_OFF
from remission.evidence.library import (
    Row,
    all_results,
    conflicts,
    load_source,
    load_trial,
    read_trial,
    rows_of,
    sources,
    trials,
)
from remission.evidence.model import (
    ENDPOINTS,
    Baseline,
    Cite,
    Conflict,
    Reading,
    Result,
    Source,
    TrialEvidence,
)

__all__ = [
    "CUT_OFF",
    "ENDPOINTS",
    "Baseline",
    "Cite",
    "Conflict",
    "Finding",
    "Reading",
    "Result",
    "Row",
    "Source",
    "TrialEvidence",
    "all_results",
    "check_document",
    "check_evidence",
    "conflicts",
    "load_source",
    "load_trial",
    "read_trial",
    "rows_of",
    "sources",
    "trials",
]

"""What has been published?

Inputs: the results halves of the catalog's trial files and its sources, transcribed by people.
Outputs: checked results with source, place, date and role; conflicts between sources; findings of the checks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from remission.evidence.bake import Answer, ask, bake_evidence, catalog_hash, write_parquet
    from remission.evidence.ctgov import Study, read_study
    from remission.evidence.pool import pool_results
    from remission.evidence.pool_rows import Question as PoolQuestion
    from remission.evidence.review_tables import ReviewTable, review_table, told
    from remission.evidence.scaffold import blank_trial, source_text, trial_text
    from remission.evidence.second import TablesAgreement, check_second, second_tables
    from remission.evidence.second import agreement as tables_agreement

__all__ = [
    "CUT_OFF",
    "ENDPOINTS",
    "Answer",
    "Baseline",
    "Cite",
    "Conflict",
    "Finding",
    "PoolQuestion",
    "Reading",
    "Result",
    "ReviewTable",
    "Row",
    "Source",
    "Study",
    "TablesAgreement",
    "TrialEvidence",
    "all_results",
    "ask",
    "bake_evidence",
    "blank_trial",
    "catalog_hash",
    "check_document",
    "check_evidence",
    "check_second",
    "conflicts",
    "load_source",
    "load_trial",
    "pool_results",
    "read_study",
    "read_trial",
    "review_table",
    "rows_of",
    "second_tables",
    "source_text",
    "sources",
    "tables_agreement",
    "told",
    "trial_text",
    "trials",
    "write_parquet",
]

# Rooms that only ask for results shall not wait for what bakes, pools and compares.
_LATER = {
    name: module
    for module, names in {
        "bake": ("Answer", "ask", "bake_evidence", "catalog_hash", "write_parquet"),
        "ctgov": ("Study", "read_study"),
        "pool": ("pool_results",),
        "pool_rows": ("PoolQuestion",),
        "review_tables": ("ReviewTable", "review_table", "told"),
        "scaffold": ("blank_trial", "source_text", "trial_text"),
        "second": ("TablesAgreement", "check_second", "second_tables", "tables_agreement"),
    }.items()
    for name in names
}
_NAMED = {"PoolQuestion": "Question", "tables_agreement": "agreement"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), _NAMED.get(name, name))

"""Runs that are kept: what was asked, its chunks, and the finished directory with its data, dictionary and provenance.

Inputs: regimens, a population or a cohort, parameter draws, a number of patients and a seed.
Outputs: a directory of tables, whole or absent; a run killed on the way goes on from its finished chunks.
"""

from remission.runs.keep import Kept, finished_chunks, keep_tables
from remission.runs.request import HIDDEN, Request, code_digest

__all__ = ["HIDDEN", "Kept", "Request", "code_digest", "finished_chunks", "keep_tables"]

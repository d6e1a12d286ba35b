"""Histories as the data sets that survival analysts expect: ADSL, ADTTE, events, ADRS and ADEX, with their dictionary."""

from remission.outcomes.tables.columns import TABLES, Column, Table
from remission.outcomes.tables.dictionary import dictionary_csv, dictionary_markdown
from remission.outcomes.tables.rows import Part
from remission.outcomes.tables.write import join, write_part

__all__ = ["TABLES", "Column", "Part", "Table", "dictionary_csv", "dictionary_markdown", "join", "write_part"]

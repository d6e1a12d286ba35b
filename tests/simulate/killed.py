"""A run that a test kills or interrupts: python -m tests.simulate.killed OUT PLACE, in chunks of a few patients."""

import sys

from tests.simulate.small import request

from remission.base import interruption
from remission.runs import keep_tables

PATIENTS, CHUNK = 320, 20
ARMS, TABLES = ("e1910-blinatumomab",), ("adsl", "adtte")


def asked(**other):
    return request(arms=ARMS, patients=PATIENTS, number=1, tables=TABLES, **other)


if __name__ == "__main__":
    interruption.listen()
    keep_tables(asked(), sys.argv[1], on=sys.argv[2], chunk=CHUNK)

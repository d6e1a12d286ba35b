"""Two finished runs that several files read."""

import pytest
from tests.simulate.small import request

from remission.runs import keep_tables


@pytest.fixture(scope="session")
def out(tmp_path_factory):
    """Two arms, two draws, staggered entry."""
    directory = tmp_path_factory.mktemp("simulate") / "out"
    keep_tables(request(), directory)
    return directory


@pytest.fixture(scope="session")
def alike(tmp_path_factory):
    """The same patients, all followed for the whole five years."""
    directory = tmp_path_factory.mktemp("simulate") / "alike"
    keep_tables(request(accrual=0.0), directory)
    return directory

"""Is a regimen the same after it is written out and read again, and after it is resolved again?"""

import pytest
from hypothesis import given, settings
from tests.protocol.generated import machine

from remission.base import catalog, files
from remission.protocol import Regimen, compare_protocols, human_text, load_regimen, read_regimen, resolve

SLOWLY = settings(max_examples=30, deadline=None)


def again(regimen: Regimen) -> Regimen:
    return read_regimen(files.read_text(human_text(regimen), "written"))


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_regimen_of_the_catalog_survives(identifier: str) -> None:
    plan = load_regimen(identifier)
    back = again(plan)
    assert back == plan
    assert human_text(back) == human_text(plan)
    assert resolve(plan) == plan
    assert compare_protocols(plan, back).equal


@SLOWLY
@given(machine())
def test_generated_regimens_survive(plan: Regimen) -> None:
    back = again(plan)
    assert back == plan
    assert again(back) == back


@SLOWLY
@given(machine())
def test_resolving_twice_is_resolving_once(plan: Regimen) -> None:
    assert resolve(plan) == plan
    assert resolve(resolve(plan)) == resolve(plan)
    assert all(phase.block is None and phase.repeat is None and phase.length is not None for phase in plan.phases)

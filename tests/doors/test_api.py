"""Does the ten-line story run, and does what it gives agree with the rooms behind it?"""

import pytest

import remission as rm
from remission.base.errors import NotFound


def test_the_story():
    late = rm.regimen("a041703")
    mine = late.remove("course-v").then("pomp", times=2)
    assert len(mine.changes) >= 2
    assert mine.regimen.phases[-1].id != late.regimen.phases[-1].id
    assert late.regimen == rm.regimen("a041703").regimen  # never changed in place
    found = rm.compare([late, mine], rm.population("a041703"), endpoint="OS@24mo", patients=50, draws=5)
    assert [arm["regimen"] for arm in found["arms"]] == [late.regimen.id, mine.regimen.id]
    assert rm.trial("e1910").id == "e1910"
    assert rm.predict("s1318", "OS@12mo", patients=50, draws=5)["trial"] == "s1318"


def test_a_regimen_can_be_said_in_one_line():
    said = rm.regimen("like e1910-blinatumomab, but remove blinatumomab")
    assert said.changes
    assert "blinatumomab" not in {give.drug for phase in said.regimen.phases for give in phase.give}


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError):
        rm.nothing  # noqa: B018
    with pytest.raises(NotFound):
        rm.regimen("s1319")

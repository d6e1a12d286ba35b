"""Does the ten-line story run, and does what it gives agree with the rooms behind it?"""

import pytest

import remission as rm
from remission.base.errors import NotFound, UsageError


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


def test_placements_are_searched_within_limits():
    found = rm.position("ph-like", patients=20, draws="prior:10", max_cycles=0, max_chemotherapy="none")
    assert found["posterior"] == "prior"
    assert found["limits"]["max_cycles"] == 0
    assert all(row["published"] or row["placement"]["cycles"] == 0 for row in found["placements"])
    assert sum(row["probability_best"]["EFS@36mo"] for row in found["placements"]) == pytest.approx(1.0)
    with pytest.raises(UsageError, match="max_cycle"):
        rm.position("ph-like", max_cycle=3)


def test_statements_are_tested():
    found = rm.run_claims(["seven-or-fourteen-days"], patients=20, draws="prior:10")
    assert [item["id"] for item in found["claims"]] == ["seven-or-fourteen-days"]
    assert found["draws"] == 10
    with pytest.raises(NotFound):
        rm.run_claims(["seven-days"])


def test_patients_are_simulated():
    few = rm.simulate("s1318/main", patients=20, draws="prior:3")
    assert few.events["death"].shape == (3, 20)
    again = rm.simulate(rm.regimen("s1318"), "s1318", patients=20, draws="prior:3")
    assert (few.events["death"] == again.events["death"]).all()
    other = rm.simulate(rm.regimen("s1318"), rm.population("s1318"), patients=20, draws="prior:3", seed=2)
    assert (few.events["death"] != other.events["death"]).any()
    with pytest.raises(UsageError, match="population"):
        rm.simulate("s1318")
    with pytest.raises(UsageError, match="patients"):
        rm.simulate("s1318/main", patients=0)


def test_draws_may_be_a_number_a_name_or_draws():
    from remission.engine import load_draws

    named, given = (rm.compare(["s1318", "a041703"], "s1318", patients=20, draws=draws) for draws in ("prior:4", load_draws("prior", 4, 1)))
    assert named["arms"][0]["median"] == given["arms"][0]["median"]
    assert named["draws"] == 4
    with pytest.raises(NotFound):
        rm.compare(["s1318", "a041703"], "s1318", draws="priors")

"""Is every endpoint counted as it is defined? On histories so small that the answer can be counted by hand."""

import numpy as np
import pytest
from tests.outcomes.made import INF, MONTH, histories

from remission.base.errors import EmptySelection, NotFound, UsageError
from remission.outcomes import Emulation, follow_up_days
from remission.protocol import Condition, Design
from remission.protocol.design import usual_endpoints

ARM = {"regimen": "made", "population": "made", "enrolled": 10}
CNS, MARROW, CD19, EXTRA = 5.0, 0.0, 2.0, 4.0


def design(endpoints=None, arm=None, **more):
    return Design.model_validate(
        {"status": "reported", "arms": {"main": {**ARM, **(arm or {})}}, "endpoints": endpoints or {}, **more}
    )


def ten():
    """Ten patients, followed for ever.

    0 dies in induction on day 10        1 fails on day 60 and dies on day 200
    2 remission day 30, relapse (marrow) day 130, death day 230       3 remission 30, relapse (CNS) 230, lives
    4 remission 30, relapse (CD19-negative) 330, death 400            5 remission 30, relapse (extramedullary) 430, lives
    6 remission 30, dies in remission on day 100                      7 remission 60, transplant 160, dies in remission on day 260
    8 and 9 remission 30, live on
    """
    return histories(
        remission=[INF, INF, 30, 30, 30, 30, 30, 60, 30, 30],
        failure=[INF, 60, INF, INF, INF, INF, INF, INF, INF, INF],
        relapse=[INF, INF, 130, 230, 330, 430, INF, INF, INF, INF],
        site=[np.nan, np.nan, MARROW, CNS, CD19, EXTRA, np.nan, np.nan, np.nan, np.nan],
        death=[10, 200, 230, INF, 400, INF, 100, 260, INF, INF],
        cause=[1, 5, 5, 0, 5, 0, 2, 3, 0, 0],
        transplant=[INF, INF, INF, INF, INF, INF, INF, 160, INF, INF],
        crs3=[0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        vod=[0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        blinatumomab=[1] * 10,
    )


def expected(endpoint, at=None, h=None, of=None, where=None):
    found = Emulation(h or ten(), of or design(), "main").read(endpoint, at, Condition.parse(where) if where else None)
    return float(found.expected[0]), float(found.simulated[0])


@pytest.mark.parametrize(("endpoint", "days", "value", "analysed"), [
    ("OS", 150, 8 / 10, 10), ("OS", 300, 5 / 10, 10), ("OS", 1000, 4 / 10, 10),
    ("EFS", 150, 6 / 10, 10), ("EFS", 450, 2 / 10, 10), ("PFS", 150, 6 / 10, 10),
    ("DFS", 99, 7 / 8, 8), ("RFS", 101, 6 / 8, 8), ("DFS", 405, 2 / 8, 8),  # patient 7 counts from day 60: event on day 200
    ("CIR", 101, 1 / 8, 8), ("CIR", 405, 4 / 8, 8), ("relapse incidence", 405, 4 / 8, 8),
    ("NRM", 69, 0, 8), ("NRM", 71, 1 / 8, 8), ("NRM", 405, 2 / 8, 8),
    ("CIR-CNS", 405, 1 / 8, 8), ("CIR-CNS", 199, 0, 8), ("CIR-EM", 405, 1 / 8, 8), ("CIR-CD19-", 405, 1 / 8, 8),
])  # fmt: skip
def test_survival_and_incidence(endpoint, days, value, analysed):
    assert expected(endpoint, days / MONTH) == (pytest.approx(value), analysed)


def test_continuous_remission_censors_deaths():
    """Relapses on days 100, 200, 300 and 400 after remission; deaths on days 70 and 200. The relapse of day 200 comes before the death."""
    s = (1 - 1 / 7) * (1 - 1 / 6)
    assert expected("CRD", 250 / MONTH)[0] == pytest.approx(s)
    assert expected("CRD", 350 / MONTH)[0] == pytest.approx(s * (1 - 1 / 4))
    assert expected("CRD", 450 / MONTH)[0] == pytest.approx(s * (1 - 1 / 4) * (1 - 1 / 3))


@pytest.mark.parametrize(("endpoint", "value"), [
    ("induction death", 1 / 10), ("death in remission", 2 / 10), ("death", 6 / 10), ("relapse", 4 / 10), ("CNS relapse", 1 / 10),
    ("extramedullary relapse", 1 / 10), ("CD19-negative relapse", 1 / 10), ("HSCT", 1 / 10), ("CRS3+", 1 / 10), ("NT3+", 0.0),
    ("VOD", 1 / 10),
])  # fmt: skip
def test_shares_of_patients(endpoint, value):
    assert expected(endpoint) == (pytest.approx(value), 10)
    assert expected(endpoint, "any") == (pytest.approx(value), 10)


def test_shares_in_months_are_counted_up_to_then():
    assert [expected("relapse", days / MONTH)[0] for days in (129, 131, 331)] == pytest.approx([0.0, 0.1, 0.3])
    assert [expected("death in remission", days / MONTH)[0] for days in (99, 101, 261)] == pytest.approx(
        [0.0, 0.1, 0.2]
    )
    assert [expected("HSCT", days / MONTH)[0] for days in (159, 161)] == pytest.approx([0.0, 0.1])
    assert expected("induction death", 0.5)[0] == pytest.approx(0.1)


def test_a_toxicity_counts_from_the_first_dose_of_its_drug():
    """In months it is dated to the start of the first phase with blinatumomab, where the histories know it."""
    from tests.sample import regimen

    plan = regimen(
        """
  - {id: a, length: 35 d, purpose: induction, chemotherapy: intensive induction}
  - {id: b, length: 42 d, give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]}
""",
        "made",
    )
    h = histories(
        crs3=[1, 1, 0, 0], death=[INF] * 4, phases=("a", "b"), started=[[0, 35], [0, 100], [0, 35], [0, np.nan]]
    )
    if not getattr(h, "phases", ()):
        pytest.skip("these histories do not know when phases began")
    emulation = Emulation(h, design(), "main", (plan,))
    assert [float(emulation.read("CRS3+", days / MONTH).expected[0]) for days in (20, 40, 101)] == pytest.approx(
        [0.0, 0.25, 0.5]
    )
    assert float(Emulation(h, design(), "main").read("CRS3+", 1.0).expected[0]) == 0.5  # starts not known: at any time


def test_a_crude_share_is_what_the_follow_up_lets_see():
    """Follow-up uniform on 100 to 300 days: relapses on days 130, 230, 330, 430 are seen with probability 0.85, 0.35, 0, 0."""
    of = design(follow_up={"median": "200 d", "accrual": "200 d"})
    assert expected("relapse", of=of)[0] == pytest.approx((0.85 + 0.35) / 10)
    assert expected("relapse", 400 / MONTH, of=of)[0] == pytest.approx(
        0.3
    )  # in months: what there is, not what was seen


def test_early_death_within_a_window():
    of = design({"induction death": {"kind": "early death", "within": "60 d"}})
    h = histories(death=[10, 59, 61, INF], cause=[1, 2, 2, 0])
    assert expected("induction death", h=h, of=of)[0] == pytest.approx(0.5)


SLOTS = [("one", "remission", 1e-4), ("one-mrd", "mrd", 1e-4), ("two", "remission", 1e-4), ("two-mrd", "mrd", 1e-4)]


def responders(**more):
    """Four patients: remission at once and MRD-negative later; at the second only; never; dead before the second."""
    return histories(
        SLOTS,
        [
            [(1, 30), (-3.0, 30), (1, 60), (-5.0, 60)],
            [(0, 30), (-1.0, 30), (1, 60), (-3.0, 60)],
            [(0, 30), (-0.5, 30), (0, 60), (-0.4, 60)],
            [(1, 30), (-4.5, 30), None, None],
        ],
        remission=[30, 60, INF, 30],
        death=[INF, INF, INF, 50],
        **more,
    )


@pytest.mark.parametrize(("rule", "at", "value", "analysed"), [
    ({"what": "remission"}, "one", 2 / 4, 4),
    ({"what": "remission"}, "two", 2 / 4, 4),
    ({"what": "remission", "cumulative": True}, "two", 3 / 4, 4),
    ({"what": "remission", "counts": ["one"]}, "two", 3 / 4, 4),
    ({"what": "remission"}, "any", 3 / 4, 4),
    ({"what": "remission"}, 1.0, 2 / 4, 4),
    ({"what": "remission"}, 2.0, 3 / 4, 4),
    ({"what": "mrd", "among": "evaluable"}, "two-mrd", 1 / 3, 3),
    ({"what": "mrd", "among": "enrolled"}, "two-mrd", 1 / 4, 4),
    ({"what": "mrd", "among": "remission"}, "two-mrd", 1 / 2, 2),
    ({"what": "mrd", "among": "remission"}, "one-mrd", 1 / 2, 2),
    ({"what": "mrd", "among": "evaluable", "threshold": 1e-2}, "two-mrd", 2 / 3, 3),
    ({"what": "mrd", "among": "evaluable", "cumulative": True}, "two-mrd", 2 / 4, 4),
    ({"what": "mrd", "among": "evaluable", "measured_at": ["two-mrd"]}, "one-mrd", 0 / 3, 3),
    ({"what": "mrd", "among": "evaluable"}, "any", 2 / 4, 4),
    ({"what": "mrd", "among": "evaluable"}, 1.0, 1 / 4, 4),
])  # fmt: skip
def test_responses(rule, at, value, analysed):
    of = design({"X": {"kind": "response", **rule}})
    assert expected("X", at, responders(), of) == (pytest.approx(value), analysed)


def test_the_evaluable_share_lowers_the_number_analysed_and_nothing_else():
    rule = {"kind": "response", "what": "mrd", "among": "evaluable"}
    whole = Emulation(responders(), design({"X": rule}), "main").read("X", "two-mrd")
    part = Emulation(responders(), design({"X": {**rule, "evaluable": "60 %"}}), "main").read("X", "two-mrd")
    assert float(whole.size[0]) == pytest.approx(3 / 4)
    assert float(part.size[0]) == pytest.approx(0.6 * 3 / 4)
    assert np.array_equal(whole.expected, part.expected)


def test_molecular_response_is_read_in_the_transcript_alone():
    of = design({"X": {"kind": "response", "what": "molecular", "among": "evaluable"}})
    h = responders(transcript=("two-mrd",))
    assert expected("X", "any", h, of) == (pytest.approx(1 / 3), 3)
    with pytest.raises(NotFound, match="BCR::ABL1"):
        expected("X", "one-mrd", h, of)
    with pytest.raises(NotFound, match="BCR::ABL1"):
        expected("CMR", "any", responders(), of)


def test_standard_assessments_are_not_among_any():
    """A reading that was added is asked for by its name; 'any' and 'up to' are the protocol's own assessments."""
    slots = [("end", "remission", 1e-4), ("cycle-1", "remission", 1e-4)]
    h = histories(slots, [[(0, 60), (1, 20)], [(1, 60), (0, 20)]], remission=[INF, 60], standard=("cycle-1",))
    of = design({"X": {"kind": "response", "what": "remission", "cumulative": True}})
    assert expected("X", "any", h, of)[0] == 0.5
    assert expected("X", "end", h, of)[0] == 0.5
    assert expected("X", "cycle-1", h, of)[0] == 0.5
    only = histories(slots[1:], [[(1, 20)], [(0, 20)]], remission=[20, INF], standard=("cycle-1",))
    assert expected("X", "any", only, of)[0] == 0.5


def test_a_standard_assessment_up_to_which_earlier_ones_count():
    slots = [("early", "remission", 1e-4), ("late", "remission", 1e-4), ("end-induction", "remission", 1e-4)]
    rows = [
        [(1, 20), (0, 90), (0, 60)],
        [(0, 20), (1, 90), (0, 60)],
        [(0, 20), (0, 90), (1, 60)],
        [(1, 20), None, None],
    ]
    h = histories(slots, rows, remission=[20, 90, 60, 20], standard=("end-induction",))
    of = design({"X": {"kind": "response", "what": "remission", "cumulative": True}})
    assert expected("X", "end-induction", h, of)[0] == pytest.approx(2 / 4)


@pytest.mark.parametrize(("name", "values"), [("end-induction", [1.0, 0.0, 1.0]), ("cycle-1", [0.0, 0.0, 1.0])])
def test_of_several_assessments_with_one_name_the_last_counts_or_the_first(name, values):
    slots = [(name, "remission", 1e-4), (name, "remission", 1e-4)]
    h = histories(
        slots, [[(0, 20), (1, 50)], [(0, 20), None], [None, (1, 50)]], remission=[50, INF, 50], standard=(name,)
    )
    of = design({"X": {"kind": "response", "what": "remission"}})
    assert expected("X", name, h, of)[0] == pytest.approx(np.mean(values))


def test_before_blinatumomab_is_meant_for_those_who_got_it():
    h = histories(
        [("pre-blina-1", "mrd", 1e-4)], [[(-5, 20)], [(-5, 20)]], blinatumomab=[1, 0], standard=("pre-blina-1",)
    )
    of = design({"X": {"kind": "response", "what": "mrd", "among": "evaluable"}})
    assert expected("X", "pre-blina-1", h, of) == (1.0, 1)
    own = histories([("pre-blina-1", "mrd", 1e-4)], [[(-5, 20)], [(-5, 20)]], blinatumomab=[1, 0])
    assert expected("X", "pre-blina-1", own, of) == (1.0, 2)


def test_no_remission_at_an_assessment_is_an_event_on_its_day():
    of = design({"X": {"kind": "survival", "events": ["no remission", "death"], "no_remission_at": "two"}})
    assert expected("X", 59 / MONTH, responders(), of)[0] == pytest.approx(3 / 4)  # one died on day 50
    assert expected("X", 61 / MONTH, responders(), of)[0] == pytest.approx(2 / 4)


def test_follow_up_of_the_cut_of_the_endpoint_and_of_a_later_report():
    months = {"median": "20 mo", "accrual": "10 mo"}
    own = {"kind": "survival", "events": ["death"], "follow_up": {"median": "30 mo", "accrual": "4 mo"}}
    of = design({"X": own, "Y": {**own, "follow_up": None}}, follow_up=months,
                cuts={"later": {"follow_up": {"median": "50 mo", "accrual": "2 mo"}, "enrolled": {"main": 12}}})  # fmt: skip

    def found(name, cut=None, at=None):
        return tuple(round(days / MONTH, 6) for days in follow_up_days(of, of.endpoints[name], cut, at))

    assert found("Y") == (15, 20, 25)
    assert found("X") == (28, 30, 32)
    assert found("X", "later") == found("Y", "later") == (49, 50, 51)
    assert found("Y", "not-described") == (15, 20, 25)
    assert found("Y", at=24.0) == (15, 20, 25)
    assert found("Y", at=60.0) == (55, 60, 65)  # such a value can only come from a later report
    assert found("Y", "later", 60.0) == (49, 50, 51)


def test_a_later_report_is_worth_more_than_the_end_of_an_early_one():
    rng = np.random.default_rng(1)
    h = histories(death=rng.exponential(30 * MONTH, (2, 4000)))
    short = design(follow_up={"median": "20 mo", "accrual": "20 mo"})
    late = design(follow_up={"median": "40 mo", "accrual": "20 mo"})
    at = [float(Emulation(h, of, "main").read("OS", 29.0).information[0]) for of in (short, late)]
    assert at[0] < 0.8
    assert at[1] == 1.0


@pytest.mark.parametrize(("endpoint", "at", "error"), [
    ("OS", None, UsageError), ("OS", "any", UsageError), ("CIR", None, UsageError), ("relapse", "end-induction", UsageError),
    ("XYZ", 12.0, NotFound), ("CR", "nowhere", NotFound), ("", 12.0, NotFound),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(endpoint, at, error):
    with pytest.raises(error):
        expected(endpoint, at, responders())


def test_nobody_in_remission_has_no_remission_to_follow():
    with pytest.raises(EmptySelection, match="time zero"):
        expected("DFS", 12.0, histories(death=[10, INF]))


def test_every_usual_endpoint_is_marked_as_assumed_and_can_be_read():
    for name, rule in usual_endpoints().items():
        assert rule.assumed, name
        if rule.what == "molecular":
            continue
        value, _ = expected(
            name, 12.0 if rule.kind in ("survival", "incidence") else "any", responders(cause=[0, 0, 0, 2])
        )
        assert 0.0 <= value <= 1.0, name

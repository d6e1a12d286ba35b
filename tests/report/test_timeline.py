"""The regimen timeline: legible, complete, safe, the same every time. All regimens here are invented."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from tests.report.sample_regimens import antibody_regimen, dose, long_regimen, phase, targeted_regimen

from remission.report import draw_timeline
from remission.report import timeline_layout as layout
from remission.report.timeline import timeline_parts
from remission.report.timeline_row import PHONE

NAMESPACE = "{http://www.w3.org/2000/svg}"
REGIMENS = {"long": long_regimen, "targeted": targeted_regimen, "antibody": antibody_regimen}


def words_of(drawing: str) -> str:
    """All visible text of a drawing, in order; line breaks and no-break spaces as spaces."""
    root = ET.fromstring(drawing)
    shown = " ".join(element.text or "" for element in root.iter(f"{NAMESPACE}text"))
    return shown.replace("\u00a0", " ")


def one_phase(**changes: Any) -> dict[str, Any]:
    """A regimen with a single phase of 28 days."""
    made = phase(1, "Only phase", 1, 28, "induction", give=dose([1, 8], "vincristine", 2, "mg", "iv"))
    made.update(changes)
    return {"id": "one", "title": "One phase", "phases": [made], "alongside": []}


@pytest.mark.parametrize("name", REGIMENS)
@pytest.mark.parametrize("wide", [False, True])
def test_is_well_formed_scalable_and_described(name: str, wide: bool) -> None:
    drawing = draw_timeline(REGIMENS[name](), wide=wide)
    root = ET.fromstring(drawing)
    assert root.get("role") == "img"
    assert root.get("viewBox", "").startswith("0 0 760 " if wide else "0 0 400 ")
    title, desc = root.find(f"{NAMESPACE}title"), root.find(f"{NAMESPACE}desc")
    assert title is not None
    assert "Timeline of Invented" in (title.text or "")
    assert desc is not None
    assert "Phase 1" in (desc.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"


@pytest.mark.parametrize("name", REGIMENS)
@pytest.mark.parametrize("wide", [False, True])
def test_same_regimen_same_bytes(name: str, wide: bool) -> None:
    assert draw_timeline(REGIMENS[name](), wide=wide) == draw_timeline(REGIMENS[name](), wide=wide)


@pytest.mark.parametrize("name", REGIMENS)
@pytest.mark.parametrize("wide", [False, True])
def test_text_is_large_enough_and_starts_inside(name: str, wide: bool) -> None:
    root = ET.fromstring(draw_timeline(REGIMENS[name](), wide=wide))
    width = float(root.get("viewBox", "").split()[2])
    for element in root.iter(f"{NAMESPACE}text"):
        assert float(element.get("font-size", "0")) >= 11
        assert 0 <= float(element.get("x", "-1")) <= width


@pytest.mark.parametrize("name", REGIMENS)
def test_every_drug_is_named(name: str) -> None:
    regimen = REGIMENS[name]()
    shown = words_of(draw_timeline(regimen))
    drugs = {item["drug"] for made in regimen["phases"] for item in made["administrations"]}
    for drug in drugs:
        assert drug in shown


def test_phases_assessments_decisions_and_conditions_are_told() -> None:
    shown = words_of(draw_timeline(long_regimen(), wide=True))
    assert "3 Intensification" in shown
    assert "post-intensification" in shown
    assert "if not cr(end-induction) → stop (refractory)" in shown
    assert "if mrd(post-intensification) ≥ 1e-4 → Blinatumomab 1" in shown
    assert "about 20 % of patients" in shown


def test_dose_step_makes_bars_of_two_heights() -> None:
    root = ET.fromstring(draw_timeline(targeted_regimen()))
    bars = {r.get("height") for r in root.iter(f"{NAMESPACE}rect") if r.get("fill") == "#0072B2"}
    assert len(bars) >= 2
    assert "blinatumomab 9 then 28 µg/d CIV" in words_of(draw_timeline(targeted_regimen()))


def test_intrathecal_doses_have_one_lane_of_their_own() -> None:
    shown = words_of(draw_timeline(long_regimen()))
    assert "intrathecal: cytarabine 70 mg, methotrexate 12.5 mg" in shown


def test_repeated_maintenance_is_drawn_once_and_says_how_often() -> None:
    shown = words_of(draw_timeline(long_regimen(), wide=True))
    assert "13 Maintenance ×7" in shown
    assert "402 to 989" in shown
    assert "14 Maintenance 2" not in shown
    alternating = words_of(draw_timeline(antibody_regimen(), wide=True))
    assert "Days 85 to 588: a course of 126 days, given 4 times" in alternating


def test_long_phase_is_drawn_to_its_own_scale_within_the_width() -> None:
    give = dose(list(range(1, 841, 7)), "methotrexate", 20, "mg/m2", "po")
    drawing = draw_timeline(one_phase(length=840, purpose="maintenance", administrations=give))
    assert "Days 1 to 840, drawn to a shorter scale" in words_of(drawing)
    ticks = re.findall(r"M([\d.]+) [\d.]+v10", drawing)[:-1]  # the last one is the key's
    assert len(ticks) == 120
    assert max(float(tick) for tick in ticks) < PHONE.width


def test_drug_that_goes_on_ends_in_an_arrow_on_the_last_row_of_the_default_path() -> None:
    shown = words_of(draw_timeline(targeted_regimen()))
    assert "goes on" in shown
    assert shown.count("dasatinib 140 mg PO") == 3  # not on the row off the default path
    assert "with no end" in draw_timeline(targeted_regimen())


def test_phase_off_the_default_path_has_a_row_of_its_own() -> None:
    shown = words_of(draw_timeline(targeted_regimen(), wide=True))
    assert "Off the default path (only if not cr(end-induction))" in shown


def test_overlapping_phases_go_to_different_rows() -> None:
    both = [phase(1, "A", 1, 28, "induction"), phase(2, "B", 15, 28, "consolidation")]
    rows = layout.rows(layout.read_phases({"phases": both}), 126)
    assert [len(row.placed) for row in rows] == [1, 1]


def test_rows_never_exceed_their_days() -> None:
    phases = layout.read_phases(long_regimen())
    for row in layout.rows(phases, 86):
        assert row.own_scale or row.length <= 86


def test_hostile_words_are_escaped() -> None:
    evil = '<script>alert("x")</script>&"\''
    regimen = one_phase(title=evil, branches=[{"if": evil, "stop": evil}], only=evil)
    regimen["phases"][0]["administrations"] = dose([1], evil, 1, evil, evil)
    regimen["phases"][0]["assessments"] = [{"name": evil, "what": evil, "day": 3}]
    regimen["id"] = regimen["title"] = evil
    regimen["alongside"] = [{"drug": evil, "dose": evil, "route": evil, "from_day": 1, "to_day": None}]
    drawing = draw_timeline(regimen)
    assert "<script" not in drawing
    ET.fromstring(drawing)


def test_missing_doses_and_empty_regimens_are_drawn() -> None:
    bare = one_phase(administrations=dose([1], "rituximab", None, "", "iv"), branches=None, assessments=None)
    assert "rituximab IV" in words_of(draw_timeline(bare))
    ET.fromstring(draw_timeline({"id": "none", "title": "None", "phases": [], "alongside": []}))


def test_parts_for_a_page_say_together_what_the_whole_says() -> None:
    parts = timeline_parts(long_regimen(), wide=True)
    assert len(parts) > 3
    assert not any("http" in part for part in parts)
    assert len({part.split('id="')[1].split('"')[0] for part in parts}) == len(parts)
    whole = words_of(draw_timeline(long_regimen(), wide=True))
    assert " ".join(words_of(part.replace("<svg", f'<svg xmlns="{NAMESPACE[1:-1]}"')) for part in parts) == whole


def test_doses_for_some_patients_have_a_lane_that_says_so() -> None:
    give = [
        {**dose([4], "pegaspargase", 2000, "IU/m2", "iv")[0], "only": "age < 55"},
        {**dose([4], "pegaspargase", 1000, "IU/m2", "iv")[0], "only": "age >= 55"},
    ]
    shown = words_of(draw_timeline(one_phase(administrations=give)))
    assert "pegaspargase 2000 IU/m² IV (if age < 55)" in shown
    assert "pegaspargase 1000 IU/m² IV (if age ≥ 55)" in shown


def test_phases_without_drugs_off_the_default_path_are_boxes() -> None:
    regimen = one_phase()
    transplant = phase(2, "Transplant", None, 1, "transplant", only="donor", then=[{"if": "cr", "stop": "completed"}])
    regimen["other_phases"] = [transplant]
    shown = words_of(draw_timeline(regimen))
    assert "Off the default path 2 Transplant a" in shown
    assert "2 Transplant: only if donor" in shown


def test_repeated_cycles_between_others_are_drawn_once_in_the_same_row() -> None:
    cycles = [phase(n, f"POMP {n}", 1 + 28 * (n - 1), 28, "maintenance") for n in range(1, 7)]
    regimen = {"id": "m", "title": "M", "phases": [*cycles, phase(7, "Block", 169, 21, "consolidation")]}
    rows = layout.rows(layout.read_phases(regimen), 127)
    assert [[(p.phase.number, p.times, p.at) for p in row.placed] for row in rows] == [[(1, 6, 0), (7, 1, 28)]]
    assert "1 POMP ×6" in words_of(draw_timeline(regimen, wide=True))
    assert "day 1 to 168" in words_of(draw_timeline(regimen, wide=True))


def test_drugs_alongside_join_in_one_lane_and_stop_when_they_stop() -> None:
    regimen = targeted_regimen()
    regimen["alongside"] = [
        {"drug": "ponatinib", "dose": "30 mg", "route": "po", "from_day": 1, "to_day": 85},
        {"drug": "ponatinib", "dose": "30 mg", "route": "po", "from_day": 170, "to_day": 211, "only": "not cr"},
        {"drug": "ponatinib", "dose": "30 mg", "route": "po", "from_day": 128, "to_day": 169},
    ]
    shown = words_of(draw_timeline(regimen, wide=True))
    assert shown.count("ponatinib 30 mg PO") == 3
    assert shown.count("ponatinib 30 mg PO (if not cr)") == 1
    assert "goes on" not in shown


def test_many_decisions_get_letters_beyond_z() -> None:
    many = [phase(n, f"P{n}", n, 1, "rest", then=[{"if": f"age > {n}", "go": "p1"}]) for n in range(1, 30)]
    marks = layout.letters(layout.read_phases({"phases": many}))
    assert (marks[1], marks[26], marks[27]) == ("a", "z", "aa")


def test_the_same_decision_after_several_phases_has_one_letter() -> None:
    twice = [phase(n, f"P{n}", n, 1, "rest", then=[{"if": "not cr", "stop": "refractory"}]) for n in (1, 2)]
    shown = words_of(draw_timeline({"id": "t", "title": "T", "phases": twice, "alongside": []}))
    assert "a after phases 1–2: if not cr → stop (refractory)" in shown

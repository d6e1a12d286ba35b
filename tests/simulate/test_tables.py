"""Do the tables say what the histories say, and obey the laws that survival analysts rely on?"""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from tests.sample import plan
from tests.simulate.small import ARMS, DRAWS, PATIENTS, YEARS, ask, histories, request, whole

from remission.outcomes import survival_times
from remission.outcomes.estimators import kaplan_meier, read_adtte
from remission.outcomes.tables import TABLES, Part, dictionary_csv, dictionary_markdown
from remission.outcomes.tables.doses import entries, exposures
from remission.outcomes.tables.rows import assessments, endpoints, events, subjects
from remission.runs import keep_tables

# Keys and order


def test_everybody_has_one_row(out):
    rows = ask(out, "select count(*), count(distinct USUBJID), count(distinct SUBJID), min(ITTFL) from {adsl}")
    assert rows == [(2 * DRAWS * PATIENTS, 2 * DRAWS * PATIENTS, DRAWS * PATIENTS, "Y")]
    order = ask(out, "select TRT01PN, DRAW, PATIENT from {adsl}")
    assert order == [(arm, draw, patient) for arm in (1, 2) for draw in (1, 2) for patient in range(1, PATIENTS + 1)]


@pytest.mark.parametrize("table", TABLES)
def test_keys_are_unique_and_point_at_somebody(out, table):
    key = ", ".join(TABLES[table].key)
    assert ask(out, f"select {key}, count(*) from {{{table}}} group by all having count(*) > 1") == []
    assert ask(out, f"select count(*) from {{{table}}} where USUBJID not in (select USUBJID from {{adsl}})") == [(0,)]
    assert ask(out, f"select count(*) > 0 from {{{table}}}") == [(True,)]


def test_the_same_person_in_every_arm(out):
    """SUBJID pairs the arms: the same covariates and the same follow-up."""
    same = (
        "AGE, SEX, PHSTAT, PHLIKEFL, KMT2AFL, ADVGENFL, IKZF1, WBCBL, BLASTBL, CD20BL, CD22BL, CNSBLFL, DONORFL, CUTDY"
    )
    assert (
        ask(
            out,
            f"select SUBJID from (select distinct SUBJID, {same} from {{adsl}}) group by SUBJID having count(*) > 1",
        )
        == []
    )


# ADSL against the histories


def column(directory, name, arm, draw=1, table="adsl"):
    return [
        row[0] for row in ask(directory, f"select {name} from {{{table}}} where TRT01P = '{arm}' and DRAW = {draw}")
    ]


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(
    ("day", "flag", "event"),
    [
        ("DTHDY", "DTHFL", "death"),
        ("RELDY", "RELFL", "relapse"),
        ("CRDY", "CRFL", "remission"),
        ("HSCTDY", "HSCTFL", "transplant"),
    ],
)
def test_days_are_those_of_the_histories(alike, arm, day, flag, event):
    for draw in range(DRAWS):
        exact = histories(arm).events[event][draw]
        expected = [max(1, int(np.ceil(time))) if time <= YEARS * 365.25 else None for time in exact]
        assert column(alike, day, arm, draw + 1) == expected
        assert column(alike, flag, arm, draw + 1) == ["N" if one is None else "Y" for one in expected]


def test_every_covariate_of_the_histories_is_in_the_table():
    from remission.outcomes.tables.rows import COVARIATES

    assert set(COVARIATES) == set(histories(ARMS[0]).covariates)


@pytest.mark.parametrize(
    ("name", "covariate"), [("WBCBL", "wbc"), ("BLASTBL", "marrow_blasts"), ("CD22BL", "cd22"), ("CD20BL", "cd20")]
)
def test_measured_covariates_are_exact(alike, name, covariate):
    assert column(alike, name, ARMS[0], 2) == histories(ARMS[0]).covariates[covariate][1].tolist()


def test_worded_covariates(alike):
    h = histories(ARMS[1]).covariates
    assert column(alike, "SEX", ARMS[1]) == ["M" if one else "F" for one in h["sex"][0]]
    assert column(alike, "AGE", ARMS[1]) == [int(one) for one in h["age"][0]]
    assert column(alike, "IKZF1", ARMS[1]) == [("NONE", "DELETED", "PLUS")[int(one)] for one in h["ikzf1"][0]]
    assert set(column(alike, "PHSTAT", ARMS[1])) == {"NEGATIVE"}


def test_randomisation_is_the_protocols(alike):
    """E1910 randomises after intensification whoever is in remission and MRD-negative."""
    arm = ARMS[0]
    h = histories(arm)
    slot, phase = h.slot("post-intensification", "mrd"), h.phases.index("intensification")
    end = h.when[0, :, slot]  # the marrow of the last day
    assert set(end[h.started[0, :, phase] == 77]) >= {105.0}
    remission = h.values[0, :, h.slot("post-intensification-remission", "remission")] == 1.0
    with np.errstate(invalid="ignore"):
        through = ~np.isnan(end) & (np.minimum(h.events["relapse"][0], h.events["death"][0]) > end)
        expected = through & remission & (h.values[0, :, slot] < -4.0)
    assert column(alike, "RANDFL", arm) == ["Y" if one else "N" for one in expected]
    assert 10 < expected.sum() < PATIENTS
    assert {day for day in column(alike, "RANDDY", arm) if day is not None} == {
        int(np.ceil(day)) for day in end[expected]
    }


def test_no_randomisation_no_flag(tmp_path):
    keep_tables(request(arms=("s1318",), who="s1318", patients=5, number=1, tables=("adsl",)), tmp_path / "out")
    assert ask(tmp_path / "out", "select distinct RANDFL, RANDDY from {adsl}") == [(None, None)]


# ADTTE: laws


def test_survival_of_everybody_and_remission_of_some(out):
    everybody = ask(
        out, "select PARAMCD, count(*) from {adtte} where PARAMCD in ('OS', 'EFS', 'TTCR', 'TTSCT') group by 1"
    )
    assert {count for _, count in everybody} == {2 * DRAWS * PATIENTS}
    in_remission = ask(out, "select count(*) from {adsl} where CRFL = 'Y'")[0][0]
    for endpoint in ("RFS", "CIR", "NRM"):
        assert ask(out, f"select count(*) from {{adtte}} where PARAMCD = '{endpoint}'") == [(in_remission,)]
    assert 0 < in_remission < 2 * DRAWS * PATIENTS


WRONG = {
    "overall survival ends with death, and only with it":
        "PARAMCD = 'OS' and ((CNSR = 0) != (DTHFL = 'Y') or (CNSR = 0 and ADY != DTHDY) or (CNSR = 1 and ADY != CUTDY))",
    "follow-up ends at the cut-off": "ADY > CUTDY or ADY < STARTDY or AVAL < 0 or (CNSR = 1) != (ADY = CUTDY and CNSR != 0 and CNSR != 2)",
    "the end of study": "EOSDY != least(coalesce(DTHDY, CUTDY), CUTDY) or (EOSSTT = 'DISCONTINUED') != (DTHFL = 'Y')",
    "time zero": "STARTDY != case when PARAMCD in ('RFS', 'CIR', 'NRM') then CRDY else 1 end",
    "codes of censoring": "CNSR not in (0, 1, 2) or (CNSR = 2 and PARAMCD in ('OS', 'EFS', 'RFS'))",
    "reasons of censoring": "(CNSDTDSC is null) != (CNSR = 0) or (CNSR = 1) != (EVNTDESC like '%AT DATA CUT-OFF' or EVNTDESC like 'NO E%')",
    "alive is alive": "(EVNTDESC = 'ALIVE AT DATA CUT-OFF' and DTHFL = 'Y') or (EVNTDESC = 'NO EVENT BY DATA CUT-OFF' and DTHFL = 'N')",
    "relapse is relapse": "PARAMCD = 'CIR' and ((CNSR = 0) != (RELFL = 'Y') or (CNSR = 0 and ADY != RELDY))",
    "death in remission competes with relapse": "PARAMCD = 'CIR' and (CNSR = 2) != (DTHFL = 'Y' and RELFL = 'N')",
    "months": "abs(AVALMO * 30.4375 - AVAL) > 1e-9",
}  # fmt: skip


@pytest.mark.parametrize("law", WRONG)
def test_laws_of_adtte(out, law):
    rows = ask(
        out, f"select PARAMCD, CNSR, ADY, CUTDY from {{adtte}} join {{adsl}} using (USUBJID) where {WRONG[law]} limit 3"
    )
    assert rows == []


def test_event_free_survival_is_never_longer(out):
    sql = "select a.USUBJID from {adtte} a join {adtte} b using (USUBJID) where a.PARAMCD = 'OS' and b.PARAMCD = 'EFS' and "
    assert ask(out, sql + "(a.AVAL < b.AVAL or (a.CNSR = 0 and b.CNSR > 0))") == []
    assert len(ask(out, sql + "a.AVAL > b.AVAL")) > 10


def test_relapse_and_death_in_remission_mirror_each_other(out):
    sql = "select a.CNSR, b.CNSR, c.CNSR, count(*) from {adtte} a join {adtte} b using (USUBJID) join {adtte} c using (USUBJID) "
    rows = ask(
        out,
        sql
        + "where a.PARAMCD = 'CIR' and b.PARAMCD = 'NRM' and c.PARAMCD = 'RFS' and a.AVAL = b.AVAL and a.AVAL = c.AVAL group by all",
    )
    assert {row[:3] for row in rows} <= {(0, 2, 0), (2, 0, 0), (1, 1, 1)}
    assert sum(row[3] for row in rows) == ask(out, "select count(*) from {adsl} where CRFL = 'Y'")[0][0]


def test_staggered_entry_only_shortens_follow_up(out, alike):
    """Entry changes nobody's course: what the shorter follow-up still sees is the same, exactly."""
    short, long = whole(out, "adsl"), whole(alike, "adsl")
    names = [column.name for column in TABLES["adsl"].columns]
    day, cut = names.index("DTHDY"), names.index("CUTDY")
    for one, other in zip(short, long, strict=True):
        assert one[cut] <= other[cut]
        assert (
            one[day] == (other[day] if other[day] is not None and other[day] <= one[cut] else None) or one[day] is None
        )
    assert len({row[cut] for row in short}) > 100
    assert {row[cut] for row in long} == {1827}
    accrual = 24 * 30.4375
    assert min(row[cut] for row in short) >= YEARS * 365.25 - accrual


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ["OS", "EFS"])
def test_kaplan_meier_of_the_table_is_the_reading_of_the_histories(alike, arm, endpoint):
    """Followed alike, survival from the table equals the share of patients still event-free in the same histories."""
    days = np.array([30.0, 100.0, 365.25, 1096.0, 1800.0])
    for draw in range(DRAWS):
        sample = read_adtte(alike / "adtte.parquet", endpoint, arm=arm, draw=draw + 1)
        events = histories(arm).events
        names = {"OS": ("death",), "EFS": ("death", "relapse", "failure")}[endpoint]
        first = np.minimum.reduce([events[name][draw] for name in names])
        expected = [(first > day).mean() for day in days]
        np.testing.assert_allclose(kaplan_meier(sample.time, sample.cnsr).at(days), expected, atol=1e-12)
        rule = survival_rule(endpoint)
        inside, start = np.ones(first.shape, bool)[None], np.zeros((1, len(first)))
        event, _, _ = survival_times(cut_out(histories(arm), draws=slice(draw, draw + 1)), rule, inside, start)
        np.testing.assert_array_equal(event[0], first)


def survival_rule(endpoint):
    from remission.protocol import Endpoint

    kinds = {"OS": ["death"], "EFS": ["death", "relapse", "no remission"]}
    return Endpoint.model_validate(
        {"kind": "survival", "from": "start", "events": kinds[endpoint], "among": "enrolled", "assumed": "a test"}
    )


def cut_out(h, patients=slice(None), draws=slice(None)):
    """Histories of some patients and draws."""
    one = (draws, patients)
    tables = {name: {key: values[one] for key, values in getattr(h, name).items()} for name in ("events", "covariates")}
    arrays = {name: getattr(h, name)[one] for name in ("values", "when", "burden", "started")}
    return replace(h, draws=h.draws[draws], **tables, **arrays)


# Events and assessments


def test_events_are_those_of_the_subjects(out):
    flags = {
        "CR": "CRFL",
        "RELAPSE": "RELFL",
        "HSCT": "HSCTFL",
        "DEATH": "DTHFL",
        "CRS3": "CRS3FL",
        "NT3": "NT3FL",
        "VOD": "VODFL",
    }
    for event, flag in flags.items():
        found = ask(out, f"select USUBJID from {{events}} where EVENTCD = '{event}' order by 1")
        assert found == ask(out, f"select USUBJID from {{adsl}} where {flag} = 'Y' order by 1")
    for event, differs in (
        ("DEATH", "e.ADY != DTHDY or EVDTL != DTHCAUS"),
        ("RELAPSE", "e.ADY != RELDY or EVDTL != RELSITE"),
        ("EOT", "e.ADY is distinct from TRTEDY"),
    ):
        sql = f"select e.USUBJID from {{events}} e join {{adsl}} using (USUBJID) where EVENTCD = '{event}' and ({differs})"
        assert ask(out, sql) == []


def test_events_are_in_order_of_time(out):
    before = "lag(TIME) over w before, lag(EVSEQ) over w seq"
    window = "window w as (partition by USUBJID order by EVSEQ)"
    sql = f"select USUBJID from (select USUBJID, EVSEQ, TIME, {before} from {{events}} {window}) "
    assert ask(out, sql + "where TIME < before or (TIME is not null and before is null and seq is not null)") == []
    assert ask(out, sql + "where EVSEQ != coalesce(seq, 0) + 1") == []
    assert {row[0] for row in ask(out, "select distinct EVENTCD from {events} where TIME is null")} <= {
        "CRS3",
        "NT3",
        "VOD",
    }


@pytest.mark.parametrize("arm", ARMS)
def test_assessments_are_those_of_the_histories(alike, arm):
    h = histories(arm)
    rows = ask(
        alike,
        f"select DRAW, split_part(USUBJID, '.', 4)::int, AVISITN, AVAL, AVALC, PARAMCD, MRDLIM, ADY from {{adrs}} where TRT01P = '{arm}'",
    )
    made = ~np.isnan(h.values) & (h.when <= YEARS * 365.25)
    assert len(rows) == made.sum()
    for draw, patient, visit, value, word, code, limit, day in rows:
        where, slot = (draw - 1, patient - 1, visit - 1), h.slots[visit - 1]
        assert (value, day) == (h.values[where], max(1, int(np.ceil(h.when[where]))))
        assert code == {"remission": "REMISS", "mrd": "MRD", "marrow-blasts": "BLASTS"}[slot.what]
        assert limit == (slot.limit if slot.what == "mrd" else None)
        assert word == (
            {True: "NEGATIVE", False: "POSITIVE"}[value < slot.limit] if slot.what == "mrd" else "NY"[int(value)]
        )


def test_assays_are_named(out):
    rows = dict(
        ask(
            out,
            "select distinct AVISIT, ASSAY from {adrs} where PARAMCD = 'MRD' and AVISIT in ('post-intensification', 'post-blina-2')",
        )
    )
    assert rows == {"post-intensification": "flow", "post-blina-2": "flow"}


def test_nothing_of_the_time_after_the_cut_off(tmp_path):
    """Cut off in induction: no blinatumomab was given yet, so nobody has received it or suffered from it."""
    keep_tables(request(years=0.2, accrual=0.0), tmp_path / "out")
    assert ask(tmp_path / "out", "select distinct BLINFL, CRS3FL, NT3FL, HSCTFL, EOSDY <= 74 from {adsl}") == [
        ("N", "N", "N", "N", True)
    ]
    assert ask(tmp_path / "out", "select count(*) from {events} where TIME is null or ADY > 74") == [(0,)]
    assert ask(tmp_path / "out", "select distinct PHASE from {adex} order by 1") == [("induction-1",), ("induction-2",)]
    assert ask(tmp_path / "out", "select max(ADY) <= 74 from {adrs}") == [(True,)]
    assert sum((histories(ARMS[0]).events["nt3"] > 0).ravel()) > 0


# Dictionary


@pytest.mark.parametrize("table", TABLES)
def test_names_and_labels_fit_a_transport_file(table):
    """SAS transport files hold names of 8 and labels of 40 characters."""
    for column in TABLES[table].columns:
        assert len(column.name) <= 8
        assert 0 < len(column.label) <= 40


def test_the_dictionary_in_the_documentation_is_current():
    """Made by tools/data-dictionary."""
    assert (Path(__file__).parents[2] / "docs" / "data-dictionary.md").read_text(
        encoding="utf-8"
    ) == dictionary_markdown()


def test_the_dictionary_describes_every_column(out):
    described = [line.split(",")[:3] for line in (out / "data_dictionary.csv").read_text().splitlines()[1:]]
    for name, table in TABLES.items():
        columns = [row[0] for row in ask(out, f"describe select * from {{{name}}}")]
        assert (
            columns == [column.name for column in table.columns] == [line[2] for line in described if line[0] == name]
        )
    assert (out / "data_dictionary.csv").read_text() == dictionary_csv()
    assert (out / "data_dictionary.md").read_text() == dictionary_markdown()


@pytest.mark.parametrize(
    ("table", "name"), [(t, column.name) for t in TABLES for column in TABLES[t].columns if column.codes]
)
def test_values_are_among_the_codes(out, table, name):
    codes = next(column.codes for column in TABLES[table].columns if column.name == name)
    found = {str(row[0]) for row in ask(out, f"select distinct {name} from {{{table}}} where {name} is not null")}
    assert found <= set(codes)


@pytest.mark.parametrize("table", TABLES)
def test_types_and_labels_are_in_the_files(out, table):
    file = str(out / f"{table}.parquet")
    base = duckdb.connect()
    types = {name: kind for name, kind, *_ in base.execute(f"describe select * from '{file}'").fetchall()}
    assert types == {column.name: column.kind for column in TABLES[table].columns}
    notes = {
        bytes(key).decode(): bytes(value).decode()
        for _, key, value in base.execute(f"select * from parquet_kv_metadata('{file}')").fetchall()
    }
    assert notes["label:USUBJID"] == "Unique subject identifier"
    assert {f"label:{column.name}" for column in TABLES[table].columns} <= notes.keys()
    assert "not for decisions about a patient" in notes["notice"]


def test_rows_of_one_part_are_those_of_the_whole():
    """Arrays of patients 40 to 99 are those rows of everybody's arrays."""
    h = histories(ARMS[0])
    cut = np.full((DRAWS, PATIENTS), 1800.0)
    part = slice(40, 100)
    piece = cut_out(h, part)
    rule = plan(ARMS[0])
    for rows in (subjects, endpoints, events, assessments, lambda p: exposures(p, entries(rule))):
        everybody, some = rows(Part(h, rule, 0, cut)), rows(Part(piece, rule, 40, cut[:, part]))
        inside = (everybody["patient"] >= 40) & (everybody["patient"] < 100)
        for name in set(everybody) - {"row"}:
            np.testing.assert_array_equal(everybody[name][inside], some[name], err_msg=name)

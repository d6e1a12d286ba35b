"""Every table and column that `remission simulate` writes: name, type, unit, codes, meaning, and the SQL that fills it.

The data and the data dictionary are made from these definitions, so they cannot disagree. Names follow CDISC ADaM where it has
one (ADSL, ADTTE, ADRS, ADEX). There are no calendar dates: time zero is the start of treatment, and where ADaM has a date
(…DT) these tables have a study day (…DY), counted from 1. The SQL reads arrays made by `rows.py` and `doses.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remission.base.histories import CAUSES, SITES
from remission.base.units import DAYS_PER_MONTH

TEXT, WHOLE, REAL = "VARCHAR", "INTEGER", "DOUBLE"


@dataclass(frozen=True)
class Column:
    """One variable: `value` is its SQL; `codes` are the values it may take, with their meaning."""

    name: str
    kind: str
    label: str
    value: str
    unit: str = ""
    codes: Mapping[str, str] | None = None
    about: str = ""


@dataclass(frozen=True)
class Table:
    """One data set: `of` says what a row is, `key` names the columns that no two rows share."""

    name: str
    title: str
    of: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def select(self) -> str:
        """The columns as SQL over the arrays of a chunk."""
        return ",\n".join(f'({column.value})::{column.kind} as "{column.name}"' for column in self.columns)


def words(code: str, texts: Sequence[str]) -> str:
    """SQL for the text at a position (from 0) of a list; null for no position."""
    return f"case {code} " + " ".join(f"when {k} then '{text}'" for k, text in enumerate(texts)) + " end"


def _flag(name: str, label: str, value: str, about: str = "") -> Column:
    return Column(name, TEXT, label, f"case when {value} then 'Y' else 'N' end", codes=YES_NO, about=about)


def _day(name: str, label: str, time: str, about: str = "") -> Column:
    return Column(name, WHOLE, label, f"study_day({time})", "study day", None, about or "null: did not happen by the data cut-off")


_TOXIC = "counted when its drug was begun by the data cut-off; the model tells that it happens, not when"
YES_NO = {"Y": "yes", "N": "no"}
ENDPOINT_CODES = ("OS", "EFS", "RFS", "CIR", "NRM", "TTCR", "TTSCT")
ENDPOINT_NAMES = (
    "Overall survival",
    "Event-free survival",
    "Relapse-free survival",
    "Time to relapse",
    "Time to death without relapse",
    "Time to complete remission",
    "Time to transplant",
)
ENDPOINT_MEANINGS = (
    "from start of treatment: death from any cause",
    "from start of treatment: no remission, relapse, or death",
    "from complete remission, for patients who reached it: relapse or death",
    "from complete remission, for patients who reached it: relapse; death is a competing event (cumulative incidence of relapse)",
    "from complete remission, for patients who reached it: death; relapse is a competing event (non-relapse mortality)",
    "from start of treatment: complete remission; no remission and death are competing events",
    "from start of treatment: allogeneic transplant; no remission, relapse and death are competing events",
)
DESCRIPTIONS = (
    "DEATH",
    "NO REMISSION",
    "RELAPSE",
    "COMPLETE REMISSION",
    "TRANSPLANT",
    "ALIVE AT DATA CUT-OFF",
    "NO EVENT BY DATA CUT-OFF",
)
DEATH, NO_REMISSION, RELAPSE, REMISSION, TRANSPLANT, ALIVE, NO_EVENT = range(len(DESCRIPTIONS))
EVENT_CODES = ("CR", "NOCR", "RELAPSE", "HSCT", "EOT", "DEATH", "CRS3", "NT3", "VOD")
EVENT_NAMES = (
    "Complete remission documented",
    "No remission: treatment has failed",
    "Relapse",
    "Allogeneic transplant",
    "End of treatment",
    "Death",
    "Cytokine release syndrome of grade 3 or more",
    "Neurotoxicity of grade 3 or more",
    "Veno-occlusive disease of the liver",
)
ASSESSED = ("remission", "mrd", "cytoreduction", "mutation", "marrow-blasts")
ASSESSED_CODES = ("REMISS", "MRD", "CYTORED", "MUTATION", "BLASTS")
ASSESSED_NAMES = (
    "Complete remission",
    "Measurable residual disease (log10 of the fraction of marrow cells)",
    "Cytoreduction",
    "Resistance mutation",
    "Marrow blasts below 5 %",
)
ROUTES = {
    "iv": "INTRAVENOUS",
    "civ": "CONTINUOUS INTRAVENOUS INFUSION",
    "po": "ORAL",
    "sc": "SUBCUTANEOUS",
    "im": "INTRAMUSCULAR",
    "it": "INTRATHECAL",
}
LEFT = ("DEATH", "RELAPSE", "NO REMISSION")

MOST_DRAWS, MOST_PATIENTS = 999_998, 99_999_998
"""Largest numbers of a draw and a patient for which identifiers have room."""
_IDENTITY = (
    Column("STUDYID", TEXT, "Study identifier", "getvariable('study')", about="set with --study"),
    Column("USUBJID", TEXT, "Unique subject identifier", "usubjid",
           about="study, regimen, parameter draw and patient; one row of ADSL"),
)  # fmt: skip
_ARM = (
    Column("TRT01P", TEXT, "Planned treatment", "getvariable('arm')", about="id of the regimen"),
    Column("DRAW", WHOLE, "Parameter draw", "draw + 1",
           about="analyse each draw by itself: draws are equally likely versions of the model, not more patients"),
)  # fmt: skip

ADSL = Table("adsl", "Subject-level analysis data", "a virtual patient in a regimen and a parameter draw", ("USUBJID",), (
    *_IDENTITY,
    Column("SUBJID", TEXT, "Subject within the study", "right(usubjid, 15)",
           about="the same person, with the same luck, in every regimen: pairs rows of different arms"),
    Column("PATIENT", WHOLE, "Number of the patient", "patient + 1", about="from 1; the same in every regimen and chunk"),
    Column("ORIGID", TEXT, "Identifier in the user's cohort", "getvariable('names')[patient - getvariable('first') + 1]",
           about="column id of the file; null: a virtual patient of a population"),
    Column("ARM", TEXT, "Description of the planned arm", "getvariable('title')"),
    *_ARM,
    Column("TRT01PN", WHOLE, "Planned treatment (number)", "getvariable('number')", about="order on the command line, from 1"),
    Column("AGE", WHOLE, "Age at diagnosis", "floor(age)", "years", about="completed years"),
    Column("AGEU", TEXT, "Age unit", "'YEARS'"),
    Column("SEX", TEXT, "Sex", "case when sex > 0 then 'M' else 'F' end", codes={"F": "female", "M": "male"}),
    Column("PHSTAT", TEXT, "Philadelphia chromosome (BCR::ABL1)", words("ph::integer", ("NEGATIVE", "POSITIVE")),
           codes={"NEGATIVE": "not found", "POSITIVE": "found"}),
    _flag("PHLIKEFL", "Ph-like gene expression", "ph_like > 0"),
    _flag("KMT2AFL", "KMT2A rearranged", "kmt2a > 0"),
    _flag("ADVGENFL", "Adverse genetics", "adverse_genetics > 0", "KMT2A rearranged or low hypodiploidy"),
    Column("IKZF1", TEXT, "IKZF1 status", words("ikzf1::integer", ("NONE", "DELETED", "PLUS")),
           codes={"NONE": "not deleted", "DELETED": "deleted", "PLUS": "IKZF1plus"}),
    Column("WBCBL", REAL, "White blood cells at diagnosis", "wbc", "1e9/L"),
    Column("BLASTBL", REAL, "Marrow blasts at diagnosis", "marrow_blasts", "%"),
    Column("CD20BL", REAL, "Blasts expressing CD20", "cd20", "%"),
    Column("CD22BL", REAL, "Blasts expressing CD22", "cd22", "%"),
    _flag("CNSBLFL", "CNS leukaemia at diagnosis", "cns > 0"),
    _flag("DONORFL", "Donor available", "donor > 0"),
    _flag("ITTFL", "Intention-to-treat population", "true", "everybody: whoever is simulated is treated and counted"),
    Column("RANDFL", TEXT, "Reached randomisation", "case randomised when 1 then 'Y' when 0 then 'N' end", codes=YES_NO,
           about="met the conditions at the regimen's randomisation; null: the regimen has none"),
    _day("RANDDY", "Study day of randomisation", "randomised_at", "null: not randomised by the data cut-off"),
    Column("TRTSDY", WHOLE, "First study day of treatment", "1", "study day"),
    _day("TRTEDY", "Last study day of protocol treatment", "treatment_end", "null: still treated at the data cut-off"),
    Column("EOTSTT", TEXT, "End-of-treatment status",
           "case when treatment_end is null then 'ONGOING' when left_by is null then 'COMPLETED' else 'DISCONTINUED' end",
           codes={"COMPLETED": "the protocol asks for nothing more, or took the patient off treatment in remission",
                  "DISCONTINUED": "ended by death, relapse or lack of remission", "ONGOING": "treated at the data cut-off"}),
    Column("DCTREAS", TEXT, "Reason for discontinuing treatment", words("left_by", LEFT),
           codes={"DEATH": "died", "RELAPSE": "relapsed", "NO REMISSION": "never in remission"}),
    _flag("CRFL", "Complete remission reached", "remission is not null"),
    _day("CRDY", "Study day of complete remission", "remission"),
    _flag("RELFL", "Relapsed", "relapse is not null"),
    _day("RELDY", "Study day of relapse", "relapse"),
    Column("RELSITE", TEXT, "Clone or site of relapse", words("case when relapse is not null then site end", [s.upper() for s in SITES]),
           codes={s.upper(): f"relapse from {s} disease" for s in SITES}, about="null: no relapse by the data cut-off"),
    _flag("HSCTFL", "Allogeneic transplant in first remission", "transplant is not null"),
    _day("HSCTDY", "Study day of transplant", "transplant"),
    _flag("BLINFL", "Received blinatumomab", "blinatumomab > 0"),
    _flag("CRS3FL", "Cytokine release syndrome of grade 3+", "crs3 > 0", _TOXIC),
    _flag("NT3FL", "Neurotoxicity of grade 3+", "nt3 > 0", _TOXIC),
    _flag("VODFL", "Veno-occlusive disease of the liver", "vod > 0", _TOXIC),
    _flag("DTHFL", "Died", "death is not null"),
    _day("DTHDY", "Study day of death", "death"),
    Column("DTHCAUS", TEXT, "Cause of death", words("case when death is not null then cause end", [c.upper() for c in CAUSES]),
           codes={"INDUCTION": "in induction, before remission", "IN REMISSION": "from treatment, in remission",
                  "TRANSPLANT": "from the transplant, in remission", "BACKGROUND": "as in the general population of that age and sex",
                  "LEUKAEMIA": "after relapse or lack of remission"},
           about="null: alive at the data cut-off"),
    Column("EOSSTT", TEXT, "End-of-study status", "case when death is null then 'COMPLETED' else 'DISCONTINUED' end",
           codes={"COMPLETED": "followed to the data cut-off", "DISCONTINUED": "died before it"}),
    Column("DCSREAS", TEXT, "Reason for discontinuing the study", "case when death is not null then 'DEATH' end",
           codes={"DEATH": "died"}),
    Column("EOSDY", WHOLE, "Study day of the end of study", "study_day(coalesce(death, cut))", "study day"),
    Column("CUTDY", WHOLE, "Study day of the data cut-off", "study_day(cut)", "study day",
           about="follow-up ends for the patient, dead or alive; differs between patients with --accrual"),
))  # fmt: skip

ADTTE = Table("adtte", "Time-to-event analysis data", "an endpoint of a patient", ("USUBJID", "PARAMCD"), (
    *_IDENTITY, *_ARM,
    Column("PARAM", TEXT, "Parameter", words("endpoint", [f"{name} (days)" for name in ENDPOINT_NAMES])),
    Column("PARAMCD", TEXT, "Parameter code", words("endpoint", ENDPOINT_CODES),
           codes=dict(zip(ENDPOINT_CODES, ENDPOINT_MEANINGS, strict=True))),
    Column("STARTDY", WHOLE, "Study day of time zero", "study_day(origin)", "study day",
           about="1: start of treatment; for RFS, CIR and NRM the day of complete remission"),
    Column("ADY", WHOLE, "Study day of event or censoring", "study_day(origin + aval)", "study day"),
    Column("AVAL", REAL, "Time to event or censoring", "aval", "days", about="exact, not rounded to whole days"),
    Column("AVALU", TEXT, "Unit of AVAL", "'DAYS'"),
    Column("AVALMO", REAL, "Time to event or censoring in months", f"aval / {DAYS_PER_MONTH}", "months",
           about="a month has 30.4375 days"),
    Column("CNSR", WHOLE, "Censor", "cnsr",
           codes={"0": "the event happened", "1": "censored at the data cut-off", "2": "a competing event came first"},
           about="0 is the event, as in ADaM; for Kaplan-Meier every value above 0 is censored, for cumulative incidence 2 competes"),
    Column("EVNTDESC", TEXT, "What happened", words("what", DESCRIPTIONS),
           codes=dict.fromkeys(DESCRIPTIONS, "")),
    Column("CNSDTDSC", TEXT, "Why AVAL ends there, if censored",
           "case cnsr when 1 then 'DATA CUT-OFF' when 2 then 'DAY OF COMPETING EVENT' end",
           codes={"DATA CUT-OFF": "followed to the end", "DAY OF COMPETING EVENT": "the event can no longer be observed"}),
))  # fmt: skip

EVENTS = Table("events", "Events in order of time", "an event of a patient", ("USUBJID", "EVSEQ"), (
    *_IDENTITY, *_ARM,
    Column("EVSEQ", WHOLE, "Sequence number", "seq", about="from 1 within a patient, by time; events without a day come last"),
    Column("EVENTCD", TEXT, "Event code", words("event", EVENT_CODES), codes=dict(zip(EVENT_CODES, EVENT_NAMES, strict=True))),
    Column("EVENT", TEXT, "Event", words("event", EVENT_NAMES)),
    Column("ADY", WHOLE, "Study day", "study_day(time)", "study day", about="null: the model knows that it happened, not when"),
    Column("TIME", REAL, "Time from start of treatment", "time", "days", about="exact; null as ADY"),
    Column("EVDTL", TEXT, "Detail",
           f"case event when {EVENT_CODES.index('RELAPSE')} then {words('detail', [s.upper() for s in SITES])} "
           f"when {EVENT_CODES.index('DEATH')} then {words('detail', [c.upper() for c in CAUSES])} end",
           about="clone or site of a relapse (as RELSITE), cause of a death (as DTHCAUS)"),
))  # fmt: skip

ADRS = Table("adrs", "Response and MRD at every assessment", "an assessment of a patient", ("USUBJID", "ASEQ"), (
    *_IDENTITY, *_ARM,
    Column("ASEQ", WHOLE, "Sequence number", "seq", about="from 1 within a patient, in the order of the protocol"),
    Column("PARAM", TEXT, "Parameter", words("param", ASSESSED_NAMES)),
    Column("PARAMCD", TEXT, "Parameter code", words("param", ASSESSED_CODES),
           codes=dict(zip(ASSESSED_CODES, ASSESSED_NAMES, strict=True))),
    Column("AVISIT", TEXT, "Assessment", "getvariable('visits')[slot + 1]", about="its name in the regimen"),
    Column("AVISITN", WHOLE, "Assessment (number)", "slot + 1", about="order in the regimen, from 1"),
    Column("ADY", WHOLE, "Study day", "study_day(time)", "study day"),
    Column("AVAL", REAL, "Result", "aval", "log10 or 0/1",
           about="MRD: log10 of the measured fraction of marrow cells, below the limit too; others: 1 yes, 0 no"),
    Column("AVALC", TEXT, "Result in words", "case when param = 1 then case when aval < lim then 'NEGATIVE' else 'POSITIVE' end "
           "when aval > 0 then 'Y' else 'N' end",
           codes={"NEGATIVE": "MRD below the assay's limit", "POSITIVE": "MRD at or above it", "Y": "yes", "N": "no"}),
    Column("ASSAY", TEXT, "Assay", "getvariable('assays')[slot + 1]", about="as the protocol names it; null: not stated"),
    Column("MRDLIM", REAL, "Limit of the assay", "case when param = 1 then lim end", "log10",
           about="log10 of the fraction below which MRD is called negative"),
))  # fmt: skip

ADEX = Table("adex", "Exposure", "a drug in a phase of a patient's treatment", ("USUBJID", "EXSEQ"), (
    *_IDENTITY, *_ARM,
    Column("EXSEQ", WHOLE, "Sequence number", "seq", about="from 1 within a patient, in the order of the regimen"),
    Column("PHASE", TEXT, "Phase of the regimen", "getvariable('dose_phases')[entry + 1]",
           about="its id; AFTER: a drug that goes on after the last phase"),
    Column("EXTRT", TEXT, "Drug", "getvariable('dose_drugs')[entry + 1]", about="id in the catalog"),
    Column("EXDOSE", REAL, "Dose per administration", "getvariable('dose_values')[entry + 1]", "EXDOSU",
           about="for a continuous infusion, of a day; as the protocol says, before reductions for tolerance and rounding"),
    Column("EXDOSU", TEXT, "Unit of the dose", "getvariable('dose_units')[entry + 1]"),
    Column("EXDOSCAP", TEXT, "Cap of the dose", "getvariable('dose_caps')[entry + 1]", about="largest absolute dose; null: none"),
    Column("EXROUTE", TEXT, "Route", "getvariable('dose_routes')[entry + 1]",
           codes={name: f"'{route}' in regimens" for route, name in ROUTES.items()}),
    Column("ASTDY", WHOLE, "First study day of the drug in the phase", "floor(begin)::integer + 1", "study day"),
    Column("AENDY", WHOLE, "Last study day of the drug in the phase", "floor(finish)::integer + 1", "study day"),
    Column("EXDAYS", WHOLE, "Days on which it was given", "given", "days"),
    Column("EXADMIN", WHOLE, "Administrations", "given * per_day", about="for a continuous infusion, its days"),
    Column("EXPLAN", WHOLE, "Days on which it was planned", "planned", "days",
           about="more than EXDAYS when relapse, death, the end of treatment or the data cut-off came first; less for a drug that runs "
           "alongside a phase that was prolonged; null after the last phase"),
))  # fmt: skip

TABLES: Mapping[str, Table] = {table.name: table for table in (ADSL, ADTTE, EVENTS, ADRS, ADEX)}

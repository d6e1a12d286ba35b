"""What is done to a patient?

Inputs: regimen, block, drug and trial files written by people.
Outputs: checked machine plans on absolute days, and trial designs without their results.
"""

from remission.protocol.check import check_block, check_drug, check_give, check_regimen
from remission.protocol.comparing.agreement import agreement
from remission.protocol.comparing.diff import Diff, compare_protocols
from remission.protocol.conditions import Condition
from remission.protocol.dated.calendar import DatedPlan
from remission.protocol.dated.dating import dated_plan
from remission.protocol.dated.export import export_plan
from remission.protocol.dated.export.fhir_plan import plan_definition
from remission.protocol.dated.facts import Person, in_limits, read_fact
from remission.protocol.design import Arm, Design, Endpoint, TrialDesign, load_design
from remission.protocol.editing.edit import Edited, insert, move, remove, repeat, swap, then
from remission.protocol.editing.like import edit_text, open_regimen
from remission.protocol.machine import machine_plan
from remission.protocol.model import Block, Drug, Phase, Regimen
from remission.protocol.plan import administrations, default_path, timeline
from remission.protocol.resolve import load_block, load_drug, load_regimen, read_regimen, resolve
from remission.protocol.say import give as give_in_words
from remission.protocol.standard import StandardAssess, with_standard_assessments
from remission.protocol.warn import Warning, warnings
from remission.protocol.words import in_words
from remission.protocol.write import human_text

__all__ = [
    "Arm",
    "Block",
    "Condition",
    "DatedPlan",
    "Design",
    "Diff",
    "Drug",
    "Edited",
    "Endpoint",
    "Person",
    "Phase",
    "Regimen",
    "StandardAssess",
    "TrialDesign",
    "Warning",
    "administrations",
    "agreement",
    "check_block",
    "check_drug",
    "check_give",
    "check_regimen",
    "compare_protocols",
    "dated_plan",
    "default_path",
    "edit_text",
    "export_plan",
    "give_in_words",
    "human_text",
    "in_limits",
    "in_words",
    "insert",
    "load_block",
    "load_design",
    "load_drug",
    "load_regimen",
    "machine_plan",
    "move",
    "open_regimen",
    "plan_definition",
    "read_fact",
    "read_regimen",
    "remove",
    "repeat",
    "resolve",
    "swap",
    "then",
    "timeline",
    "warnings",
    "with_standard_assessments",
]

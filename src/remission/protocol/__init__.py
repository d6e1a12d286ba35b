"""What is done to a patient?

Inputs: regimen, block, drug and trial files written by people.
Outputs: checked machine plans on absolute days, and trial designs without their results.
"""

from remission.protocol.conditions import Condition
from remission.protocol.design import Arm, Design, Endpoint, TrialDesign, load_design
from remission.protocol.model import Block, Drug, Phase, Regimen
from remission.protocol.plan import administrations, default_path, timeline
from remission.protocol.resolve import load_block, load_drug, load_regimen, read_regimen, resolve

__all__ = ["Arm", "Block", "Condition", "Design", "Drug", "Endpoint", "Phase", "Regimen", "TrialDesign", "administrations",
           "default_path", "load_block", "load_design", "load_drug", "load_regimen", "read_regimen", "resolve", "timeline"]

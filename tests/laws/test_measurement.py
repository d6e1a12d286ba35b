"""Does an assessment see what is there: by flow as by PCR but for a shift, and remission only without disease outside the marrow?"""

import numpy as np
import pytest
from tests.laws.people import people
from tests.sample import draws, regimen

from remission.engine.simulate import simulate

TWO_ASSAYS = """
  - id: a
    purpose: induction
    block: e1910-induction-1
    assess: [{name: end, what: remission}, {name: flow, what: mrd, assay: flow}, {name: pcr, what: mrd, assay: pcr-igtr}]
  - {id: b, purpose: maintenance, block: pomp}
"""


def test_flow_reads_a_constant_part_of_what_pcr_reads():
    for shift in (-0.7, 0.0, 0.4):
        p = draws(3).change(flow_reading=shift, mrd_noise=0.0)
        h = simulate(regimen(TWO_ASSAYS), people(300), p, 300, 3)
        names = [slot.name for slot in h.slots]
        flow, pcr = (h.values[..., names.index(name)] for name in ("flow", "pcr"))
        assert np.isfinite(pcr).mean() > 0.5
        assert flow[np.isfinite(pcr)] == pytest.approx(pcr[np.isfinite(pcr)] + shift, abs=1e-9)


def test_the_reading_moves_no_cell():
    h, other = (
        simulate(regimen(TWO_ASSAYS), people(300), draws(3).change(flow_reading=shift), 300, 3) for shift in (0.0, -1.0)
    )
    for name in h.events:
        assert np.array_equal(h.events[name], other.events[name], equal_nan=True)


def test_no_remission_while_disease_is_seen_outside_the_marrow():
    phases = """
  - id: a
    length: 42 d
    purpose: induction
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]
    assess: [{name: end, what: remission}]
"""
    strong = {"kill_blinatumomab": 3.0, "responders": 0.999, "effector_capacity": 13.0, "extramedullary_blinatumomab": 1e-6}
    for fraction, share in ((-8.0, 1.0), (-1.0, 0.0)):  # extramedullary cells at diagnosis: some 1e4, or 1e11
        p = draws(2).change(**strong, extramedullary_fraction=fraction, extramedullary_spread=0.0)
        h = simulate(regimen(phases), people(400), p, 400, 3)
        assert np.isfinite(h.events["remission"]).mean() == pytest.approx(share, abs=0.1)

"""Frontline comparators: trials outside the review whose results a careful reader would also pool.

A trial (or one of its arms) is listed if it treated adults with newly diagnosed ALL, was not chosen by relapse, by residual
disease or by transplant, and is not a population registry. Its age group is needed only where the catalog records no median age.
Not listed: trials of relapsed, refractory or residual disease (TOWER, INO-VATE, MT103-211, topp-2014, ALCANTARA, BLAST, practice
series, failures of blinatumomab, first relapse), of children (AALL0331, AALL1331), of transplanted patients, meta-analyses, SEER.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparator:
    """BCR::ABL1 status (None: both or not said) and, where no median age is recorded, the middle of the ages admitted (years)."""

    ph: str | None
    age: float | None = None


COMPARATORS: Mapping[str, Comparator] = {
    "calgb-10403": Comparator("negative"),
    "calgb-10701": Comparator("positive"),
    "ewall-ph-01": Comparator("positive", 69.0),
    "gimema-0288": Comparator(None),
    "gmall-0699-0703": Comparator(None, 35.0),
    "gmall-older/elderly": Comparator(None),
    "gmall-older/registry": Comparator(None),
    "graall-2005": Comparator("negative", 39.0),
    "graaph-2005": Comparator("positive"),
    "hyper-cvad/first-programme": Comparator(None, 40.0),
    "hyper-cvad/older": Comparator(None, 67.0),
    "hyper-cvad/less-intensive-older": Comparator(None, 67.0),
    "hyper-cvad/mdacc-b-all": Comparator("negative", 45.0),
    "hyper-cvad/ofatumumab": Comparator("negative"),
    "hyper-cvad-imatinib": Comparator("positive", 45.0),
    "hyper-cvad-ponatinib": Comparator("positive"),
    "lal0904": Comparator("positive"),
    "lal1205": Comparator("positive"),
    "lal1509": Comparator("positive", 50.0),
    "lal1811": Comparator("positive"),
    "lal1913": Comparator("negative"),
    "lala-94": Comparator(None, 35.0),
    "pethema-all-hr-11": Comparator("negative", 38.0),
    "ponalfil": Comparator("positive"),
    "s0805": Comparator("positive"),
    "ukall12-e2993": Comparator(None, 38.0),
    "ukall60plus": Comparator(None, 69.0),
}

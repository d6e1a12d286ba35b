"""Cytotoxic courses.

Biology: a course kills a fraction of dividing cells, less of slowly cycling persisters. A patient's chemosensitivity s
(mean 1) is shared by all courses, which is what makes early MRD predictive of relapse.
Equation: gross kill of a course A = I^e max(0.05, a s + noise) log10, spread evenly over the course, where I is the dose
intensity of the course (1: a conventional full course) and e is `dose_exponent`.
References: Skipper 1964 (Cancer Chemother Rep 35:1) for fractional kill; Gökbuget 2012 (Blood 120:1868) for MRD and relapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remission.engine.mechanisms._kinds import CHEMOTHERAPY, Mechanism

_COURSES = {
    "induction": "kill_induction",
    "consolidation": "kill_consolidation",
    "prephase": "kill_prephase",
}


def potency(p: Any, patient: Any) -> Mapping[str, Any]:
    """log10 kill of bulk by one course, before the noise of that course."""
    return {course: getattr(p, parameter) * patient.chemosensitivity for course, parameter in _COURSES.items()}


MECHANISM = Mechanism(
    name="chemotherapy",
    agents=tuple(_COURSES),
    kind=CHEMOTHERAPY,
    unit="courses/d",
    parameters=(*_COURSES.values(), "persister_chemotherapy", "central_chemotherapy", "course_noise", "dose_exponent"),
    potency=potency,
    relative={
        course: {"persister": "persister_chemotherapy", "cd19-negative": 1.0, "resistant": 1.0, "extramedullary": 1.0,
                 "central nervous system": "central_chemotherapy"}
        for course in _COURSES
    },
    example=(
        {"kill_induction": 4.5, "kill_consolidation": 1.3, "kill_prephase": 0.6},
        {"chemosensitivity": 0.8},
        {"induction": 3.6, "consolidation": 1.04},
    ),
)

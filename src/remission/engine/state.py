"""The rows of a batch's state: one number per patient in each. Names here are row numbers, or what a row's number is made of."""

from __future__ import annotations

from itertools import count
from math import log

from remission.base.histories import CAUSES, SITES
from remission.engine.mechanisms import ROWS, agents
from remission.engine.program import COVARIATES
from remission.patients.sampling import NAMES

AGENTS = len(agents())
CLONES = len(ROWS)
RESISTANT, EXTRAMEDULLARY, CNS = (
    ROWS.index(name) for name in ("resistant", "extramedullary", "central nervous system")
)
MARROW = 4  # the first rows are those of the marrow

# Fields of a clone row: ln cells at diagnosis, exp(-L) where L is the ln of what they have grown by, integral of births; in the end net
# growth per day, luck of the surviving lines (ln of their size over its mean), how far above what is seen that luck could lift it, and
# the point of the path with fewest cells.
START, INVERSE, BIRTHS, RATE, SHIFT, LIFT, LOWEST, CLONE_FIELDS = range(8)
NO_CELLS = -1e30

_next = count()


def _rows(number: int) -> int:
    """The first of `number` new rows."""
    first = next(_next)
    for _ in range(number - 1):
        next(_next)
    return first


# Traits that the course reads.
(
    X_GROWTH,
    X_BIRTH,
    X_HALF_DOSE,
    X_LN_CAPACITY,
    X_INDUCTION,
    X_REMISSION_DEATH,
    X_TRANSPLANT_DEATH,
    X_TRANSPLANT_MYELOABLATIVE,
    X_TRANSPLANT_FACTOR,
    X_TRANSCRIPT,
    X_DOSE_FACTOR,
    X_DELAY,
    X_CONCENTRATION,
) = (_rows(1) for _ in range(13))
# The course so far: where in the program (an instruction's number, or STOPPED), day, and so on.
(
    F_AT,
    F_T,
    F_DAYS,
    F_UNTIL,
    F_SCALE,
    F_HAZARD,
    F_HARM,
    F_OMIT,
    F_CR,
    F_FAIL,
    F_DEATH,
    F_CAUSE,
    F_TRANSPLANT,
    F_TRANSPLANTED,
    F_FIRST_BLINA,
    F_BLINA_DAY,
    F_INTRATHECAL,
    F_INO,
    F_SPENT,
    F_LIMIT,
    F_REMISSION,
    F_CYTO,
    F_MUTATED,
    F_LN_START,
    F_MARROW,
    F_FADE,
    F_END,
) = (_rows(1) for _ in range(27))
CLONE = _rows(CLONES * CLONE_FIELDS)
POTENCY = _rows(AGENTS)
RECEIVED = _rows(AGENTS)
SWITCH = _rows(AGENTS)  # 1 where the patient is given an agent that the protocol gives, 0 where a condition on it does not hold
CONDITION = _rows(len(COVARIATES))
COVARIATE = _rows(len(NAMES))
LATENT = _rows(16)  # normal numbers behind the traits
LUCK_TRAITS = _rows(4)  # and uniform ones
LUCK = _rows(
    4 * 9
)  # uniform numbers of courses (indices 0-7, 32-39, 64-71) and of clones (0-11), see kernel.LUCK_BLOCKS
UNIFORM = _rows(4)
STACK = _rows(
    64
)  # verdicts of conditions; and, before the course begins, numbers that are being made (lanes.QUEUE_ROWS)
STRENGTH = _rows(AGENTS)  # ln kill of bulk per day by each agent of a segment
W_TOTAL, W_KILLED, W_GROWTH, W_KILL, W_X = (_rows(1) for _ in range(5))
# Patients packed together: place in the batch, and what concerns them.
P_LANE, P_X, P_GROWTH, P_KILL = (_rows(1) for _ in range(4))
P_POINT, P_DAY, P_SITE = P_X, P_GROWTH, P_KILL
# Clone rows whose survival is a matter of chance, one after the other: place, luck of their number and size, ln of the number expected.
QUEUE = CLONES
Q_PLACE = _rows(4 * QUEUE)
# The end of the course.
W_RELAPSE, W_SITE, W_BACKGROUND, W_OVER, W_BURDEN = (_rows(1) for _ in range(5))
(
    E_REMISSION,
    E_FAILURE,
    E_RELAPSE,
    E_SITE,
    E_DEATH,
    E_CAUSE,
    E_TRANSPLANT,
    E_CRS,
    E_NEURO,
    E_VOD,
    E_BLINA,
    E_END,
    E_INTRATHECAL,
) = (_rows(1) for _ in range(13))
EVENTS = (
    "remission",
    "failure",
    "relapse",
    "site",
    "death",
    "cause",
    "transplant",
    "crs3",
    "nt3",
    "vod",
    "blinatumomab",
    "treatment_end",
    "intrathecal",
)  # in the order of the rows E_
FIXED = _rows(0)  # the rows from here on are those of a program
V_AGE, V_WBC, V_SEX, V_PH = (CONDITION + COVARIATES.index(name) for name in ("age", "wbc", "sex", "ph"))
CAUSE_INDUCTION, CAUSE_REMISSION, CAUSE_TRANSPLANT = (
    CAUSES.index(name) for name in ("induction", "in remission", "transplant")
)
CAUSE_BACKGROUND, CAUSE_LEUKAEMIA = CAUSES.index("background"), CAUSES.index("leukaemia")
SITE_CNS = SITES.index("central nervous system")
STOPPED = -1
MARROW_CELLS = 1e12  # normalisation of every burden; MRD is cells / MARROW_CELLS
LN2, LN10 = log(2.0), log(10.0)
LN_M = log(MARROW_CELLS)
LN_CR = log(0.05 * MARROW_CELLS)  # haematological remission and relapse: 5 % of the marrow
LN_EXTRAMEDULLARY = log(1e10)  # extramedullary disease is seen at 1e10 cells

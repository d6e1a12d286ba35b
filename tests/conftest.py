"""How generated tests run: the same examples every time, so that a red test is a change and not a day's luck.

`REMISSION_EXPLORE=1 make test` tries other examples on each run.
"""

import os

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("REMISSION_EXPLORE") else "steady")

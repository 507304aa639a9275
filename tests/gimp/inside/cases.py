"""All cases, in one GIMP. Each returns facts, which tests/gimp judges.

RIGATINO_GIMP_CASES, a regular expression, has only some of them run.
"""

import os
import re
import sys

SHARE = os.environ["RIGATINO_GIMP_SHARE"]
sys.path[:0] = [f"{SHARE}/inside", f"{SHARE}/profile/plug-ins/rigatino-gimp"]
import actions  # noqa: E402
import edited  # noqa: E402
import facing  # noqa: E402
import far  # noqa: E402
import host  # noqa: E402
import kinds  # noqa: E402
import lost  # noqa: E402
import plain  # noqa: E402
import refusals  # noqa: E402
import scripts  # noqa: E402
import seams  # noqa: E402
import several  # noqa: E402
import waiting  # noqa: E402

only = re.compile(os.environ.get("RIGATINO_GIMP_CASES", ""))
for module in (plain, kinds, actions, refusals, scripts, waiting, several, edited, facing, seams, far, lost):
    host.run([case for case in module.CASES if only.search(case.__name__)])

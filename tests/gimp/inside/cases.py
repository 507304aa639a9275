"""All cases, in one GIMP. Each returns facts, which tests/gimp judges."""

import os
import sys

SHARE = os.environ["RIGATINO_GIMP_SHARE"]
sys.path[:0] = [f"{SHARE}/inside", f"{SHARE}/profile/plug-ins/rigatino-gimp"]
import actions  # noqa: E402
import host  # noqa: E402
import kinds  # noqa: E402
import lost  # noqa: E402
import plain  # noqa: E402
import refusals  # noqa: E402
import waiting  # noqa: E402

for module in (plain, kinds, actions, refusals, waiting, lost):
    host.run(module.CASES)

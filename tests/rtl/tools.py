"""Which tools this machine has; a test that needs one that it lacks skips with the reason."""

from __future__ import annotations

import pytest

from rtl.icarus import find_icarus
from rtl.verilator import ICARUS, missing, missing_tools

LACKING = missing_tools()
needs_verilator = pytest.mark.skipif(bool(LACKING), reason=str(missing(LACKING)) if LACKING else "")
needs_icarus = pytest.mark.skipif(not find_icarus(), reason=str(missing([ICARUS])))

"""Whether this machine can compile what Verilator makes; a test that needs it skips with the reason."""

from __future__ import annotations

import pytest

from rtl.verilator import missing, missing_tools

LACKING = missing_tools()
needs_verilator = pytest.mark.skipif(bool(LACKING), reason=str(missing(LACKING)) if LACKING else "")

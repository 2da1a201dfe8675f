"""SIGINT and SIGTERM stop a run, also one inside a call that does not return."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from orbit_painter.backend.interruption import GRACE, Interruption, signals

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = f"""
import importlib.util as u, sys, time
root = {str(ROOT)!r}
s = u.spec_from_file_location("orbit_painter", root + "/__init__.py", submodule_search_locations=[root])
sys.modules["orbit_painter"] = u.module_from_spec(s)
from pathlib import Path
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.interruption import Interruption, signals
marker = Path(sys.argv[1])
interruption = Interruption()
"""
POLITE = """
try:
    with signals(interruption, lambda: marker.write_text("last resort")):
        print("ready", flush=True)
        while True:
            interruption.check()
            time.sleep(0.05)
except CancelledError:
    marker.write_text("polite")
    sys.exit(6)
"""
# A native call that does not return and lets no Python code of its thread run.
DEAF = """
import hashlib
with signals(interruption, lambda: marker.write_text("last resort")):
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("body", "ending"), [(POLITE, "polite"), (DEAF, "last resort")])
def test_a_signal_ends_the_run(tmp_path, number, body, ending):
    marker = tmp_path / "marker"
    program = textwrap.dedent(PRELUDE + body)
    process = subprocess.Popen([sys.executable, "-c", program, str(marker)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(timeout=30) == 6  # the native call alone takes minutes
    assert marker.read_text() == ending


def test_the_last_resort_comes_before_two_seconds_are_over():
    assert GRACE < 1.5


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with signals(Interruption(), lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before

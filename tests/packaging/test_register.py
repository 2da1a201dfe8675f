"""Enabling the extension loads the standard library and bpy, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("check_register.py")


def test_registering_imports_the_standard_library_alone():
    pytest.importorskip("bpy")
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout.rpartition("FACTS ")[2])
    foreign = set(facts["modules"]) - set(sys.stdlib_module_names) - {"orbit_painter"}
    assert not {name for name in foreign if not name.startswith(("bpy", "bl_", "_bpy"))}
    assert not {"subprocess", "shutil", "hashlib"} & set(facts["modules"]), "what takes long waits until it is needed"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Old job folders go, but nothing that somebody uses."""

import os
import subprocess
import sys
import time

import pytest
from orbit_painter.backend.errors import OutputError
from orbit_painter.backend.job_store import STALE, JobStore, remove_stale


def make(root, name, days, done=False):
    job = root / name
    store = JobStore(job)
    if done:
        store.finish()
    old = time.time() - days * 86400
    for path in (job, *job.rglob("*")):
        os.utime(path, (old, old))
    return store


def test_only_old_unfinished_unheld_jobs_go(tmp_path):
    for name, days, done in (("old", 20, False), ("young", 2, False), ("result", 99, True)):
        make(tmp_path, name, days, done).close()
    held = make(tmp_path, "held", 20)
    (tmp_path / "somebody's folder").mkdir()
    # Locks of one process do not exclude each other everywhere: another process looks.
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest; from pathlib import Path; "
        "from orbit_painter.backend.job_store import remove_stale; "
        "print([path.name for path in remove_stale(Path(sys.argv[2]))])"
    )
    command = [sys.executable, "-c", code, os.path.dirname(os.path.dirname(__file__)), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['old']"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["held", "result", "somebody's folder", "young"]
    held.close()
    assert STALE == 14 * 86400


def test_a_root_that_is_not_there_is_fine(tmp_path):
    assert remove_stale(tmp_path / "none") == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        JobStore(tmp_path / "file" / "job")

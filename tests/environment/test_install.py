"""Installations for real: uv, a package index on the loopback address, tiny packages."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from orbit_painter.backend.environment.installer import install, repair, roll_back
from orbit_painter.backend.environment.layout import Layout, site_packages
from orbit_painter.backend.environment.preflight import preflight
from orbit_painter.backend.environment.removal import remove, remove_previous
from orbit_painter.backend.environment.request import Request
from orbit_painter.backend.environment.states import Event, State
from orbit_painter.backend.environment.status import is_installing, status
from orbit_painter.backend.errors import CancelledError, EngineMissingError, InputError, OrbitPainterError, OutputError
from orbit_painter.backend.whole_files import hold
from orbit_painter.tests.processes import tools_below, wait

from .packages import lock, serving, wheel

DRIVER = Path(__file__).with_name("driver.py")


def never():
    pass


def module_version(found, name):
    command = [found.python, "-I", "-c", f"import {name}; print({name}.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_install_from_an_index(request_for, root, events):
    assert status(root).state is State.MISSING
    found = install(request_for(), events, never)
    assert found.state is State.READY
    assert found.device == "cpu"
    assert module_version(found, "beta") == "1.0"
    assert events.stages() == ["preflight", "fetching", "building", "verifying"]
    assert status(root) == found
    before = sorted(root.rglob("*"))
    assert install(request_for(), events, never) == found  # again: nothing to do
    assert [p for p in sorted(root.rglob("*")) if p.parent.name != "logs"] == [
        p for p in before if p.parent.name != "logs"
    ]


def test_a_wrong_hash_is_refused(request_for, root, recipe, events):
    recipe(wrong=["beta"])
    with pytest.raises(InputError) as caught:
        install(request_for(), events, never)
    assert caught.value.code == "hash-mismatch"
    assert status(root).state is State.FAILED
    assert status(root).code == "hash-mismatch"
    assert status(root).python is None
    recipe()
    assert install(request_for(), events, never).state is State.READY


def test_update_rollback_and_removing_the_previous(request_for, root, packages, recipe, events):
    first = install(request_for(), events, never)
    next(packages.glob("beta-*.whl")).unlink()
    wheel(packages, "beta", "2.0")
    recipe()
    assert status(root).state is State.OUTDATED
    assert status(root).python == first.python
    second = install(request_for(device="auto"), events, never, Event.UPDATE)
    assert second.state is State.READY
    assert module_version(second, "beta") == "2.0"
    assert second.previous
    back = roll_back(root)
    assert back.python == first.python
    assert module_version(back, "beta") == "1.0"
    assert roll_back(root).python == second.python
    assert remove_previous(root).previous == ""
    assert not first.python.exists()
    with pytest.raises(EngineMissingError):
        roll_back(root)


def test_an_update_that_fails_leaves_the_engine_in_use(request_for, root, packages, recipe, events):
    first = install(request_for(), events, never)
    next(packages.glob("beta-*.whl")).unlink()
    wheel(packages, "beta", "2.0", files={"beta/__init__.py": b"raise RuntimeError('broken on this machine')\n"})
    recipe()
    with pytest.raises(EngineMissingError) as caught:
        install(request_for(), events, never, Event.UPDATE)
    assert caught.value.code == "selftest-failed"
    found = status(root)
    assert (found.state, found.code, found.python) == (State.FAILED, "selftest-failed", first.python)
    assert module_version(found, "beta") == "1.0"


@pytest.mark.parametrize("damage", ["content", "gone", "python"])
def test_repair(request_for, root, events, index, damage):
    found = install(request_for(), events, never)
    environment = found.python.parents[1]
    data = site_packages(environment) / "beta" / "data.bin"
    whole = data.read_bytes()
    if damage == "content":
        data.write_bytes(whole[:-1] + b"?")  # through the hard link, the copy in uv's cache is damaged too
    elif damage == "gone":
        data.unlink()
    else:
        found.python.unlink()
        assert status(root).code == "engine-damaged"
    assert repair(request_for(device="auto"), events, never).state is State.READY
    assert data.read_bytes() == whole
    if damage == "content":
        assert events.notes() == ["Installing again: beta."]


def test_a_repair_that_cannot_be_made_forgets_nothing(request_for, root, events, index):
    """A passing fault: while there is no connection the interpreter does not start, and afterwards it does."""
    found = install(request_for(), events, never)
    aside = found.python.with_name("aside")
    found.python.rename(aside)
    with pytest.raises(OrbitPainterError) as caught:
        repair(request_for(device="auto", online=False), events, never)
    assert caught.value.code == "offline"
    aside.rename(found.python)
    assert status(root) == found


def test_repairing_a_sound_engine_needs_no_connection(request_for, root, events, index):
    found = install(request_for(), events, never)
    index.requests.clear()
    assert repair(request_for(device="auto", online=False), events, never) == found
    assert index.requests == []


def test_all_problems_are_told_at_once(root, recipe, events):
    made = recipe(disk_bytes=10**18)
    request = Request(root, "cpu", online=False)
    codes = {problem.code for problem in preflight(request, made, busy=True)}
    assert codes == {"installer-busy", "offline", "disk-full"}
    with pytest.raises(EngineMissingError) as caught:
        install(request, events, never)
    assert "Online Access" in caught.value.message
    assert "GB free" in caught.value.message
    assert not root.exists()  # nothing was made for an installation that cannot be


def test_a_folder_of_somebody_else(root, recipe, events, request_for):
    root.mkdir()
    (root / "thesis.txt").write_text("do not touch")
    for action in (lambda: install(request_for(), events, never), lambda: remove(root, events, never)):
        with pytest.raises(OrbitPainterError) as caught:
            action()
        assert caught.value.code == "folder-foreign"
    assert [path.name for path in root.iterdir()] == ["thesis.txt"]


def test_one_installer_at_a_time(request_for, root, events):
    install(request_for(), events, never)
    handle = hold(Layout(root).lock)
    with pytest.raises(OrbitPainterError) as caught:
        install(request_for(), events, never)
    assert caught.value.code == "installer-busy"
    with pytest.raises(OutputError):
        remove(root, events, never)
    os.close(handle)


def test_remove_deletes_what_we_made_and_nothing_else(request_for, root, events):
    install(request_for(), events, never)
    (root / "models" / "mine").mkdir(parents=True)
    (root / "cache" / "orbitpainter").mkdir()
    (root / "cache" / "orbitpainter" / "prompts.safetensors").write_bytes(b"encoded")
    (root / "notes.txt").write_text("mine")
    assert remove(root, events, never).state is State.MISSING
    left = ["cache", "install.lock", "models", "notes.txt", "orbit-painter.json"]
    assert sorted(p.name for p in root.iterdir()) == left
    assert [p.name for p in (root / "cache").iterdir()] == ["orbitpainter"]
    assert "notes.txt" in events.notes()[-1]
    (root / "notes.txt").unlink()
    install(request_for(), events, never)
    remove(root, events, never, models=True)
    assert not root.exists()


def test_remove_follows_no_link(request_for, root, events, tmp_path):
    install(request_for(), events, never)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(root / "cache", elsewhere)
    (root / "cache").symlink_to(elsewhere)
    with pytest.raises(InputError):
        remove(root, events, never)
    assert any(elsewhere.iterdir())
    assert status(root).state is State.READY


def test_cancelling_leaves_what_can_be_gone_on_with(request_for, root, packages, recipe, events):
    with serving(packages, delay=0.05) as slow:

        def check():
            if "fetching" in events.stages():
                raise CancelledError

        with pytest.raises(CancelledError):
            install(request_for(index=slow.url), events, check)
    assert (status(root).state, status(root).code) == (State.FAILED, "cancelled")
    assert install(request_for(), events, never).state is State.READY


@pytest.mark.parametrize("at", ["Workshop.call", "write", "_switch"])
def test_a_disk_that_fills_up(request_for, root, events, monkeypatch, at):
    """An OSError wherever something is written; what is told, and that the next run goes through."""
    from orbit_painter.backend.environment import installer, request

    def full(*words, **options):
        raise OSError(28, "No space left on device")

    owner, name = (request.Workshop, "call") if "." in at else (installer, at)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        with pytest.raises(OutputError) as caught:
            install(request_for(), events, never)
    assert caught.value.code == "disk-full"
    assert status(root).state is State.FAILED
    assert install(request_for(), events, never).state is State.READY


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root for a small file system")
def test_a_really_full_disk(tmp_path, packages, recipe, index, events):
    small = tmp_path / "small"
    small.mkdir()
    wheel(packages, "gamma", payload=random.Random(0).randbytes(3_000_000))
    recipe(("alpha", "gamma"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        request = Request(small / "root", "cpu", python=sys.executable, index=index.url)
        with pytest.raises(OutputError) as caught:
            install(request, events, never)
        assert caught.value.code == "disk-full"
        assert status(small / "root").state is State.FAILED
        subprocess.run(["mount", "-o", "remount,size=40m", str(small)], check=True)
        assert install(request, events, never).state is State.READY
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_at_random_points_it_always_goes_on(root, packages, recipe, tmp_path, events, request_for):
    """kill -9 again and again: never a half engine that looks whole, and the last run ends well."""
    lock_file = lock(tmp_path / "lock.txt", sorted(packages.glob("*.whl")))
    moments = random.Random(4)
    with serving(packages, delay=0.01) as slow:
        command = [sys.executable, str(DRIVER), str(root), slow.url, str(lock_file), "alpha", "beta"]
        for moment in sorted(moments.uniform(0.1, 1.6) for _ in range(6)):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            # uv ends with it: its name goes before its lock
            wait(lambda: not tools_below(root) and not is_installing(Layout(root)), 30)
            found = status(root)
            if found.python is not None:
                assert module_version(found, "beta") == "1.0"
    assert install(request_for(), events, never).state is State.READY


def test_two_at_once(root, packages, tmp_path, recipe):
    lock_file = lock(tmp_path / "lock.txt", sorted(packages.glob("*.whl")))
    with serving(packages, delay=0.05) as slow:
        command = [sys.executable, str(DRIVER), str(root), slow.url, str(lock_file), "alpha", "beta"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        outputs = [process.communicate(timeout=300) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 1]
    assert sum("Another installer is running" in error for _, error in outputs) == 1
    assert status(root).state is State.READY


def test_hashes_of_a_build_that_no_lock_has_are_fixed_when_it_is_installed(request_for, root, packages, recipe, events):
    """The index states them; they are written down, and a repair compares with them."""
    recipe(("alpha",), unhashed="beta==1.0")
    found = install(request_for(), events, never)
    text = (found.python.parents[1] / "lock.txt").read_text()
    assert "beta==1.0" in text
    assert text.count("--hash=sha256:") == 2
    assert module_version(found, "beta") == "1.0"


def test_status_is_read_by_the_command(root, recipe):
    from orbit_painter.backend.environment.command import summary

    text = json.dumps(summary(status(root), root))
    assert "missing" in text

"""A folder to install from without any connection."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from orbit_painter.backend.environment import bundle as module
from orbit_painter.backend.environment import installer
from orbit_painter.backend.environment.bundle import make_bundle
from orbit_painter.backend.environment.installer import install
from orbit_painter.backend.environment.layout import Layout
from orbit_painter.backend.environment.request import Request
from orbit_painter.backend.environment.source import read_source
from orbit_painter.backend.environment.states import State
from orbit_painter.backend.environment.status import EngineStatus
from orbit_painter.backend.errors import EngineMissingError, InputError

from .packages import lock, wheel


def never():
    pass


@pytest.fixture
def folder(tmp_path, packages, request_for, events, monkeypatch):
    """A finished bundle. pip comes from the index like everything else: a tiny wheel that does what is asked of pip."""
    program = (
        "import pathlib, shutil, sys\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1]); out.mkdir(exist_ok=True)\n"
        f"for file in pathlib.Path({str(packages)!r}).glob('*.whl'):\n"
        "    shutil.copy(file, out); print('Saved', out / file.name)\n"
    )
    wheel(packages, "pip", files={"pip/__main__.py": program.encode()})
    monkeypatch.setattr(module, "TOOLS", lock(tmp_path / "tools.txt", [next(packages.glob("pip-*.whl"))]))
    return make_bundle(request_for(), tmp_path / "für unterwegs", events, never)


def offline(root, folder):
    return Request(root, "auto", read_source(folder), online=False, python=sys.executable)


def test_install_from_a_folder_makes_no_connection(folder, root, index, events):
    index.requests.clear()
    found = install(offline(root / "second", folder), events, never)
    assert found.state is State.READY
    assert found.device == "cpu"
    assert index.requests == []


def test_a_damaged_or_other_bundle_is_refused(folder, root, recipe, events):
    wheels = sorted((folder / "wheels").glob("beta*.whl"))
    data = wheels[0].read_bytes()
    wheels[0].write_bytes(data[:-1] + b"?")
    with pytest.raises(InputError) as caught:
        install(offline(root, folder), events, never)
    assert caught.value.code == "bundle-damaged"
    wheels[0].write_bytes(data)
    description = json.loads((folder / "bundle.json").read_text())
    for change, code in (({"platform": "amiga-68k"}, "bundle-platform"), ({"format": 99}, "bundle-version")):
        (folder / "bundle.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(InputError) as caught:
            read_source(folder)
        assert caught.value.code == code
    (folder / "bundle.json").write_text(json.dumps({**description, "files": {"../x": {"size": 1, "sha256": ""}}}))
    with pytest.raises(InputError):
        read_source(folder)
    (folder / "bundle.json").write_text(json.dumps(description))
    recipe(("alpha",))  # another version of the extension
    with pytest.raises(EngineMissingError) as error:
        install(offline(root, folder), events, never)
    assert error.value.code == "bundle-version"


def test_wheels_that_were_exchanged_are_refused_by_our_own_hashes(folder, root, packages, events):
    (folder / "bundle.json").unlink()  # just wheels then: the lock of the extension serves
    assert install(offline(root / "a", folder), events, never).state is State.READY
    wheel(folder / "wheels", "beta", payload=b"something else")
    with pytest.raises(InputError) as caught:
        install(offline(root / "b", folder), events, never)
    assert caught.value.code == "hash-mismatch"
    shutil.rmtree(folder / "wheels")
    with pytest.raises(InputError):
        read_source(folder)


def test_an_unfinished_bundle_is_gone_on_with_and_a_foreign_folder_is_not(folder, request_for, tmp_path, events):
    (folder / "bundle.json").unlink()
    next((folder / "wheels").glob("alpha*.whl")).unlink()
    make_bundle(request_for(), folder, events, never)
    read_source(folder).verify()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "picture.png").write_bytes(b"")
    with pytest.raises(InputError):
        make_bundle(request_for(), tmp_path / "mine", events, never)


def test_the_python_that_uv_fetched_goes_along(root, request_for, tmp_path, events, monkeypatch):
    """Packed as it lies, unpacked once, and it can be run."""
    layout = Layout(root)
    program = layout.pythons / "cpython-3.11.7-linux" / "bin" / "python3.11"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho it runs\n")
    program.chmod(0o755)
    (program.parent / "python3").symlink_to("python3.11")
    engine = EngineStatus(State.READY, program.parent / "python3")
    monkeypatch.setattr(module, "status", lambda place: engine)
    module._pack_python(request_for(), tmp_path, events)
    found = installer._unpacked_python(Layout(tmp_path / "other"), tmp_path / "python.tar.gz")
    assert subprocess.run([found], capture_output=True, text=True, check=True).stdout == "it runs\n"
    assert (found.parent / "python3").is_symlink()
    assert installer._unpacked_python(Layout(tmp_path / "other"), tmp_path / "python.tar.gz") == found
    assert events.notes() == []
    engine = EngineStatus(State.READY, Path(sys.executable))  # the system's: it would not run elsewhere
    module._pack_python(request_for(), tmp_path / "none", events)
    assert "needs Python 3.11" in events.notes()[0]

"""The zip, the repository and the licences."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository made by the command."""
    pytest.importorskip("bpy")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "packaging" / "extension.py"), "repository", str(out)]
    subprocess.run(command, check=True, capture_output=True, cwd=out)
    return out / "repository"


@pytest.fixture(scope="module")
def package(folder):
    return next(folder.glob("*.zip"))


def test_the_zip_holds_the_extension_with_its_processor_part_and_no_more(package):
    names = zipfile.ZipFile(package).namelist()
    assert {"addon/registration.py", "backend/texturing/fuse.py", "requirements/torch-cuda.txt"} <= set(names)
    assert not [name for name in names if re.search(r"(^|/)((tests|docs|examples)/|\.)|\.(so|pyd|whl|pyc)$", name)]
    assert package.stat().st_size < 5_000_000


@pytest.mark.parametrize("name", ["backend/kernel.so", "tests/x.py", "wheels/a.whl", "addon/.secret.py", "notes.md"])
def test_what_is_not_on_the_list_is_refused(package, tmp_path, name):
    other = tmp_path / package.name
    other.write_bytes(package.read_bytes())
    with zipfile.ZipFile(other, "a") as packed:
        packed.writestr(name, "x")
    with pytest.raises(SystemExit, match="not on the list"):
        load("extension").check(other)


def test_a_zip_that_is_too_large_is_refused(package, tmp_path):
    other = tmp_path / package.name
    other.write_bytes(package.read_bytes())
    with zipfile.ZipFile(other, "a") as packed:
        packed.writestr("backend/large.json", os.urandom(5_100_000))
    with pytest.raises(SystemExit, match="at most"):
        load("extension").check(other)


def test_the_index_tells_blender_what_there_is(folder, package):
    [entry] = json.loads((folder / "index.json").read_text())["data"]
    assert entry["id"] == "orbit_painter"
    assert entry["archive_url"] == f"./{package.name}"
    assert entry["archive_size"] == package.stat().st_size
    assert "wheels" not in entry
    assert "platforms" not in entry


def test_one_version_everywhere():
    version = load("extension").version()
    assert re.search(rf'^version = "{re.escape(version)}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert f'VERSION = "{version}"' in (ROOT / "backend" / "version.py").read_text()


def test_the_locks_that_the_installer_reads_are_in_the_zip(package):
    from orbit_painter.backend.environment.devices import RECIPES
    from orbit_painter.backend.environment.uv_tool import TOOLS

    needed = {path.name for recipe in RECIPES.values() for path in recipe.locks} | {TOOLS.name}
    assert needed == set(load("extension").LOCKS)
    assert {f"requirements/{name}" for name in needed} <= set(zipfile.ZipFile(package).namelist())


def test_every_locked_package_has_a_licence_that_allows_selling_pictures():
    table = {}
    for line in (ROOT / "docs" / "licences.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4:
            table[cells[0]] = cells[1:]
    module = load("licences")
    for lock, user in module.LOCKS.items():
        for name, version in module.PINNED.findall((ROOT / "requirements" / f"{lock}.txt").read_text()):
            versions, licence, users = table[name]
            assert version in versions, f"{name}: run `make licences`"
            assert user in users
            assert licence
            assert not re.search(r"non-?commercial|\bNC\b|unknown|research", licence, re.IGNORECASE)
            if "NVIDIA" in licence:
                assert users == "engine on NVIDIA"  # nothing proprietary in the default path


def test_the_bill_of_materials_names_every_package_with_its_hashes(monkeypatch):
    licences = load("licences")
    monkeypatch.setattr(licences, "licence", lambda name: "MIT")
    monkeypatch.setitem(sys.modules, "licences", licences)
    parts = load("sbom").components()
    assert {part["name"] for part in parts} == {name for name, *_ in licences.rows()}
    numpy = next(part for part in parts if part["name"] == "numpy")
    assert {entry["value"] for entry in numpy["properties"]} >= {"command line", "engine"}
    assert all(part["hashes"] for part in parts)

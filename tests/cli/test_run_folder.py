"""Stages are saved whole or not at all."""

import json
import os
import stat
import subprocess
import sys

import pytest
from orbit_painter.backend.errors import InputError, OutputError
from orbit_painter.backend.run_folder import RunFolder, digest


def save(run, text, key="k"):
    with run.writing("passes", key) as (folder, facts):
        (folder / "data.txt").write_text(text)
        facts["text"] = text


def test_a_finished_stage_is_kept_and_replaced_in_one_step(tmp_path):
    with RunFolder(tmp_path / "out") as run:
        save(run, "one")
        save(run, "two", key="k2")
        record = run.require("passes")
        assert (record.key, record.facts["text"]) == ("k2", "two")
        assert (run.folder("passes") / "data.txt").read_text() == "two"
    assert sorted(p.name for p in (tmp_path / "out" / "work").iterdir()) == ["passes", "run.lock"]


def test_a_failed_stage_leaves_the_earlier_one(tmp_path):
    with RunFolder(tmp_path) as run:
        save(run, "one")
        with pytest.raises(FileNotFoundError), run.writing("passes", "x") as (folder, _):
            (folder / "data.txt").write_text((folder / "missing.txt").read_text())
        assert run.require("passes").facts["text"] == "one"
        assert not list(run.work.glob("*.part"))


def test_a_run_that_saved_nothing_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), RunFolder(tmp_path / "a" / "b") as run, run.writing("passes", "x"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("crash_point", ["before_new", "after_new"])
def test_a_kill_between_the_renames_is_repaired(tmp_path, crash_point):
    with RunFolder(tmp_path) as run:
        save(run, "one")
    final, old = run.work / "passes", run.work / ".passes.old"
    final.rename(old)
    if crash_point == "after_new":
        final.mkdir()
        (final / "stage.json").write_text((old / "stage.json").read_text())
    (run.work / ".bake.part").mkdir()
    with RunFolder(tmp_path) as run:
        assert run.require("passes").facts["text"] == "one"
        assert not old.exists()
        assert not (run.work / ".bake.part").exists()


def test_another_version_is_refused_with_a_sentence(tmp_path):
    with RunFolder(tmp_path) as run:
        save(run, "one")
        path = run.folder("passes") / "stage.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": "99.0.0"}))
        with pytest.raises(InputError, match=r"version 99\.0\.0") as error:
            run.record("passes")
        assert error.value.code == "resume-version"
        path.write_text("{")
        with pytest.raises(InputError) as error:
            run.record("passes")
        assert error.value.code == "stage-damaged"


def test_one_run_at_a_time(tmp_path):
    with RunFolder(tmp_path), pytest.raises(OutputError) as error, RunFolder(tmp_path):
        pass
    assert error.value.code == "output-busy"
    with RunFolder(tmp_path):  # free again
        pass


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_folder_is_an_output_error(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(OutputError), RunFolder(folder):
        pass


def test_a_file_in_the_way_is_an_output_error(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError), RunFolder(tmp_path / "out"):
        pass


def test_digest_tells_values_apart():
    assert digest(1, "a") == digest(1, "a")
    assert len({digest(1, "a"), digest(1, "b"), digest("1", "a"), digest(b"1", "a"), digest([1, "a"])}) == 5


def test_published_files_replace_earlier_ones(tmp_path):
    with RunFolder(tmp_path) as run:
        for text in ("one", "two"):
            save(run, text)
            run.publish(run.folder("passes") / "data.txt", "results/data.txt")
            assert (tmp_path / "results" / "data.txt").read_text() == text
        assert [p.name for p in (tmp_path / "results").iterdir()] == ["data.txt"]


def test_the_lock_is_free_after_a_kill(tmp_path):
    code = (
        "import sys, importlib.util as u, os, signal\n"
        "s = u.spec_from_file_location('orbit_painter', sys.argv[1], submodule_search_locations=[sys.argv[2]])\n"
        "sys.modules['orbit_painter'] = u.module_from_spec(s)\n"
        "from orbit_painter.backend.run_folder import RunFolder\n"
        "RunFolder(sys.argv[3]).__enter__()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    subprocess.run([sys.executable, "-c", code, os.path.join(root, "__init__.py"), root, str(tmp_path)], check=False)
    with RunFolder(tmp_path):
        pass

# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from orbit_painter.backend.errors import OutputError

pytestmark = pytest.mark.bpy


@pytest.fixture
def store(empty, tmp_path, monkeypatch):
    from orbit_painter.addon import results_store

    monkeypatch.setattr(results_store, "default_root", lambda: tmp_path / "user")
    return results_store


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Cube", "Cube"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "object"),
        ("con", "con_"),
        ("Bär 1", "Bär_1"),
        ("x" * 99, "x" * 48),
    ],
)
def test_names_are_safe(store, name, safe):
    assert store.safe_name(name) == safe


def test_tiles_get_one_number_together(store, tmp_path):
    files = [tmp_path / f"paint.{tile}.png" for tile in (1001, 1002)]
    for path in files:
        path.write_bytes(path.name.encode())
    folder = tmp_path / "new"
    (folder).mkdir()
    (folder / "a.1002.png").write_bytes(b"of somebody else")
    assert [path.name for path in store.copy_in(files, folder, "a")] == ["a_2.1001.png", "a_2.1002.png"]
    assert [path.name for path in store.copy_in(files, folder, "a")] == ["a_2.1001.png", "a_2.1002.png"]
    assert (folder / "a.1002.png").read_bytes() == b"of somebody else"
    assert sorted(path.name for path in folder.iterdir()) == ["a.1002.png", "a_2.1001.png", "a_2.1002.png"]


def test_the_newest_of_two_removed_files_comes_back(store, tmp_path):
    path = tmp_path / "file.png"
    for content in (b"old", b"new"):
        path.write_bytes(content)
        store.discard(path)
    assert store.trash_size() == (2, 6)
    store.recover({path})
    assert path.read_bytes() == b"new"
    store.recover({path})  # it is there: nothing happens
    assert store.trash_size() == (1, 3)
    store.empty_trash()
    assert store.trash_size() == (0, 0)


def test_the_trash_keeps_a_file_for_a_month(store, tmp_path, monkeypatch):
    path = tmp_path / "file.png"
    path.write_bytes(b"old")
    store.discard(path)
    store.empty_trash(store.KEPT)
    assert store.trash_size() == (1, 3)
    later = store.time.time() + store.KEPT + 1
    monkeypatch.setattr(store.time, "time", lambda: later)
    path.write_bytes(b"new")
    store.discard(path)
    store.empty_trash(store.KEPT)
    store.recover({path})
    assert path.read_bytes() == b"new"
    assert store.trash_size() == (0, 0)


def test_a_folder_that_cannot_be_made_is_explained(store, tmp_path):
    (tmp_path / "in_the_way").write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"a")
    with pytest.raises(OutputError):
        store.copy_in([tmp_path / "a.png"], tmp_path / "in_the_way" / "folder", "a")

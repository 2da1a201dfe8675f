"""The model store: what is listed, fetched, added, checked and removed."""

import hashlib
import json
import shutil
import socket

import pytest
from orbit_painter.backend.console import JsonConsole
from orbit_painter.backend.errors import EngineMissingError, InputError, OutputError, UsageError
from orbit_painter.backend.models.catalogue import CATALOGUE, CONVERTED, Model
from orbit_painter.backend.models.command import planned
from orbit_painter.backend.models.fetch import fetch_model
from orbit_painter.backend.models.hub import listing
from orbit_painter.backend.models.store import ModelStore
from orbit_painter.backend.protocol import Writer
from orbit_painter.backend.whole_files import hold

from .hub_server import serving

FILES = {"high/a.safetensors": b"A" * 5000, "high/config.json": b"{}", "vae.pth": b"V" * 300, "README.md": b"no"}
EXPERT = Model("expert", "An expert", "orbitpainter", {"high": "high"}, "org/repo", ("high/*",), 6000)
VAE = Model("vae", "A VAE", "orbitpainter", {"vae": "vae.pth"}, "org/repo", ("vae.pth",), 300, "MIT")
ONCE = Model("once", "Once", "orbitpainter", {}, "org/repo", ("README.md",), 2, required=False, until="made/of.it")
EXTRA = Model("extra", "Extra", "orbitpainter", {"text": "t.pth"}, "org/repo", ("t.pth",), 1, required=False)


@pytest.fixture
def hub():
    with serving(FILES) as server:
        yield server


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "root", (EXPERT, VAE, EXTRA))


@pytest.fixture
def console(tmp_path):
    with open(tmp_path / "events", "w") as stream:
        yield JsonConsole(Writer(stream))


def fetch(store, model, hub, console):
    return fetch_model(store, model, listing(model, hub.url), "", console, lambda: None)


def test_a_listing_has_the_models_own_files_with_sizes_and_hashes(hub):
    found = listing(EXPERT, hub.url)
    assert found.commit == "c0ffee"
    assert found.bytes == 5002
    assert set(found.files) == {"high/a.safetensors", "high/config.json"}
    assert found.files["high/a.safetensors"].sha256 == hashlib.sha256(FILES["high/a.safetensors"]).hexdigest()
    assert found.files["high/config.json"].sha256 == ""
    assert "/resolve/c0ffee/" in found.files["high/config.json"].url


def test_a_repository_that_is_not_there(hub):
    with pytest.raises(InputError):
        listing(Model("x", "X", "e", {}, "org/other", ("*",)), hub.url)
    with pytest.raises(InputError):
        listing(EXTRA, hub.url)


def test_a_token_never_leaves_unencrypted(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given: pytest.fail("the network was used"))
    with pytest.raises(InputError) as caught:
        listing(EXPERT, "http://mirror.invalid", "secret")
    assert caught.value.code == "address-unsafe"


def test_fetch_find_verify_remove(store, hub, console):
    with pytest.raises(EngineMissingError) as caught:
        store.find("orbitpainter")
    assert "expert" in caught.value.message
    assert "MIT" in caught.value.message
    assert "models download orbitpainter" in caught.value.advice
    for model in (EXPERT, VAE):
        fetch(store, model, hub, console)
    found = store.find("orbitpainter")
    assert set(found) == {"high", "vae"}
    assert (found["high"] / "a.safetensors").read_bytes() == FILES["high/a.safetensors"]
    assert store.verify(EXPERT) == []
    (found["high"] / "a.safetensors").write_bytes(b"B" * 5000)
    assert store.verify(EXPERT) == ["high/a.safetensors"]
    fetch(store, EXPERT, hub, console)  # mends what is bad and keeps what is good
    assert store.verify(EXPERT) == []
    assert store.remove(EXPERT) > 5000
    assert store.status(EXPERT).state == "absent"
    assert store.status(VAE).state == "ready"


def test_hashes_known_beforehand_win_over_the_hubs_word(store, hub, console):
    wary = Model(**{**vars(VAE), "hashes": {"vae.pth": "0" * 64}})
    with pytest.raises(InputError) as caught:
        fetch(store, wary, hub, console)
    assert caught.value.code == "hash-mismatch"
    assert store.status(wary).state != "ready"


def test_a_stopped_model_is_partial_and_whole_files_are_not_fetched_again(store, hub, console):
    hub.faults += [None, 404]
    with pytest.raises(InputError):
        fetch(store, EXPERT, hub, console)
    assert store.status(EXPERT).state == "partial"
    before = len(hub.ranges)
    fetch(store, EXPERT, hub, console)
    assert len(hub.ranges) == before + 1


def test_two_downloads_of_one_model(store, hub, console):
    store.home(VAE).mkdir(parents=True)
    handle = hold(store.home(VAE) / ".lock")
    with pytest.raises(OutputError) as caught:
        fetch(store, VAE, hub, console)
    assert caught.value.code == "model-busy"
    assert handle


def test_a_disk_without_room_is_seen_before(store, hub, console, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(OutputError) as caught:
        fetch(store, VAE, hub, console)
    assert caught.value.code == "disk-full"
    assert hub.ranges == []


def test_the_users_folder_is_used_and_never_written_to(store, tmp_path):
    mine = tmp_path / "meine Modelle"
    (mine / "high").mkdir(parents=True)
    (mine / "high" / "a.safetensors").write_bytes(b"A")
    (mine / "vae.pth").write_bytes(b"V")
    before = sorted(mine.rglob("*"))
    assert [model.name for model in store.add(mine)] == ["expert", "vae"]
    assert store.find("orbitpainter") == {"high": mine / "high", "vae": mine / "vae.pth"}
    assert store.status(VAE).external
    store.remove(VAE)
    assert sorted(mine.rglob("*")) == before
    (mine / "high").rename(mine / "elsewhere")
    assert store.status(EXPERT).state == "lost"
    with pytest.raises(InputError):
        store.add(tmp_path / "nothing")


def test_a_converted_folder_stands_for_the_parts(tmp_path):
    store = ModelStore(tmp_path / "root")
    folder = tmp_path / "converted"
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    assert [model.name for model in store.add(folder)] == [CONVERTED]
    assert store.find("orbitpainter") == {"folder": folder}


def test_a_link_is_not_removed(store, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    store.folder.mkdir(parents=True)
    store.home(VAE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError):
        store.remove(VAE)
    assert (tmp_path / "elsewhere").exists()


def test_size_source_place_and_licence_are_told(store, hub):
    text = planned(store, VAE, listing(VAE, hub.url))
    for part in ("A VAE", "MIT", "org/repo", str(store.home(VAE)), "0 MB"):
        assert part in text


def test_the_catalogue_is_sound():
    names = [model.name for model in CATALOGUE]
    assert len(set(names)) == len(names)
    for model in CATALOGUE:
        assert model.licence
        assert "non-commercial" not in model.licence.lower()
        if model.repository:
            assert model.bytes > 0
            for path in model.roles.values():
                assert (
                    model.owns(path)
                    or model.owns(f"{path}/diffusion_pytorch_model.safetensors")
                    or any(pattern.startswith(f"{path}/") for pattern in model.patterns)
                )


class TestCommand:
    """`models ...` as a program calls it."""

    def run(self, *words, online=True):
        from orbit_painter.backend.arguments import parser
        from orbit_painter.backend.models.command import run_command

        class Quiet(JsonConsole):
            def __init__(self):
                self.events = []

            def _send(self, kind, **fields):
                self.events.append({"type": kind, **fields})

        console = Quiet()
        run_command(parser().parse_args(["models", *map(str, words)]), online, console, lambda: None)
        return console.events

    def test_list(self, tmp_path):
        metrics = self.run("list", "--root", tmp_path)[-1]["metrics"]
        assert "28.6 GB" in metrics["wan-fun-high"]
        assert "Apache-2.0" in metrics["wan-fun-high"]
        assert metrics["wan-fun-high"].startswith("absent")
        json.dumps(metrics)

    def test_nothing_is_fetched_offline_or_without_agreement(self, tmp_path, hub, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
        with pytest.raises(EngineMissingError):
            self.run("download", "wan-vae", "--root", tmp_path, "--yes", online=False)
        monkeypatch.setattr("orbit_painter.backend.models.command.model_named", lambda name, catalogue: VAE)
        with pytest.raises(UsageError) as caught:
            self.run("download", "vae", "--root", tmp_path)
        assert caught.value.code == "agreement-missing"
        assert hub.ranges == []
        events = self.run("download", "vae", "--root", tmp_path, "--yes")
        assert events[0]["type"] == "log"
        assert "MIT" in events[0]["message"]
        assert "ready" in events[-1]["metrics"]["vae"]

    def test_an_engines_name_stands_for_all_that_it_lacks(self, tmp_path, hub, monkeypatch):
        catalogue = (EXPERT, VAE, EXTRA, ONCE)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setattr("orbit_painter.backend.models.command.ModelStore", lambda root: ModelStore(root, catalogue))
        store = ModelStore(tmp_path, catalogue)
        with pytest.raises(EngineMissingError, match="models download orbitpainter") as caught:
            store.find("orbitpainter")
        assert all(name in caught.value.message for name in ("expert", "vae", "MIT", "once"))
        assert "extra" not in caught.value.message
        self.run("download", "vae", "--root", tmp_path, "--yes")
        events = self.run("download", "orbitpainter", "--root", tmp_path, "--yes")
        assert set(events[-1]["metrics"]) == {"expert", "once"}
        assert "Together" in events[2]["message"]
        assert self.run("download", "orbitpainter", "--root", tmp_path)[-1]["metrics"] == {"models": "all are here"}
        store.remove(ONCE)
        assert store.missing("orbitpainter") == [ONCE]
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "of.it").touch()
        assert store.missing("orbitpainter") == []


def test_a_store_can_be_copied_to_another_computer(store, hub, console, tmp_path):
    for model in (EXPERT, VAE):
        fetch(store, model, hub, console)
    shutil.copytree(store.folder, tmp_path / "other" / "models")
    other = ModelStore(tmp_path / "other", store.catalogue)
    assert set(other.find("orbitpainter")) == {"high", "vae"}
    assert other.verify(EXPERT) == []

"""One file: resumed, checked, whole or not there."""

import errno
import hashlib
import ssl

import pytest
from orbit_painter.backend.errors import CancelledError, InputError, OrbitPainterError, OutputError
from orbit_painter.backend.models import download as module
from orbit_painter.backend.models.download import Remote, download

from .hub_server import serving

DATA = bytes(range(256)) * 40_000  # 10 MB
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def hub():
    with serving({"w.safetensors": DATA}) as server:
        yield server


@pytest.fixture
def remote(hub):
    return Remote(f"{hub.url}/org/repo/resolve/main/w.safetensors", len(DATA), SHA256)


def fetch(remote, target, **options):
    return download(remote, target, sleep=lambda seconds: None, **options)


def test_a_file(hub, remote, tmp_path):
    target = tmp_path / "ein Ordner ä" / "w.safetensors"
    fractions = []
    assert fetch(remote, target, progress=lambda fraction, detail: fractions.append(fraction)) == SHA256
    assert target.read_bytes() == DATA
    assert [p.name for p in target.parent.iterdir()] == ["w.safetensors"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_size_and_hash_may_be_unknown(hub, remote, tmp_path):
    assert fetch(Remote(remote.url), tmp_path / "w") == SHA256


def test_a_broken_connection_is_taken_up_where_it_broke(hub, remote, tmp_path):
    hub.faults += ["cut", "cut", 503]
    fetch(remote, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA
    starts = [int(r.removeprefix("bytes=").rstrip("-")) if r else 0 for r in hub.ranges]
    assert starts == [0, len(DATA) // 2, len(DATA) * 3 // 4, len(DATA) * 3 // 4]


@pytest.mark.parametrize("failure", [OSError(errno.EHOSTUNREACH, "No route"), ssl.SSLError("decryption failed")])
def test_a_network_that_goes_away_is_not_taken_for_a_full_disk(hub, remote, tmp_path, monkeypatch, failure):
    real, failures = module.opened, [failure]

    def opened(*given):
        response = real(*given)
        if failures:
            monkeypatch.setattr(response, "read", lambda size: (_ for _ in ()).throw(failures.pop()))
        return response

    monkeypatch.setattr(module, "opened", opened)
    assert fetch(remote, tmp_path / "w") == SHA256


def test_a_stopped_download_goes_on_in_the_next_run(hub, remote, tmp_path):
    def stop(fraction, detail):
        if fraction > 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        fetch(remote, tmp_path / "w", progress=stop)
    assert not (tmp_path / "w").exists()
    there = (tmp_path / "w.part").stat().st_size
    assert there > len(DATA) // 2
    fetch(remote, tmp_path / "w")
    assert hub.ranges[-1] == f"bytes={there}-"
    assert (tmp_path / "w").read_bytes() == DATA


def test_a_part_that_is_whole_already_is_only_checked(hub, remote, tmp_path):
    (tmp_path / "w.part").write_bytes(DATA)
    fetch(remote, tmp_path / "w")
    assert hub.ranges == []
    assert (tmp_path / "w").read_bytes() == DATA


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_416_for_a_whole_part_is_the_end_and_for_a_wrong_one_a_new_start(hub, remote, tmp_path, size):
    (tmp_path / "w.part").write_bytes(DATA if size is None else DATA + b"too long")
    fetch(Remote(remote.url, size, SHA256), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA


def test_a_server_without_ranges_starts_over(hub, remote, tmp_path):
    hub.faults += ["cut", "no-ranges"]
    fetch(remote, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA


def test_without_a_hash_a_changed_file_is_not_glued_to_the_old_one(hub, remote, tmp_path):
    hub.faults += ["cut"] + [500] * module.ATTEMPTS
    unknown = Remote(remote.url, len(DATA))
    with pytest.raises(OrbitPainterError):
        fetch(unknown, tmp_path / "w")
    assert (tmp_path / "w.part").exists()
    hub.files["w.safetensors"], hub.etag, hub.faults = DATA[::-1], '"v2"', []
    fetch(unknown, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA[::-1]


@pytest.mark.parametrize(("fault", "code"), [("flipped", "hash-mismatch"), ("longer", "size-mismatch")])
def test_what_is_not_as_announced_is_refused_and_not_kept(hub, remote, tmp_path, fault, code):
    hub.faults += [fault]
    with pytest.raises(InputError) as caught:
        fetch(remote, tmp_path / "w")
    assert caught.value.code == code
    assert not (tmp_path / "w").exists()
    fetch(remote, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA


def test_a_full_disk_keeps_the_part(hub, remote, tmp_path, monkeypatch):
    real = open

    class Full:
        def __init__(self, file):
            self.file, self.room = file, 3_000_000

        def __enter__(self):
            return self

        def __exit__(self, *words):
            self.file.close()

        def write(self, block):
            if self.room < len(block):
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= len(block)
            return self.file.write(block)

    def opening(path, mode="r", **options):
        return Full(real(path, mode, **options)) if mode == "ab" else real(path, mode, **options)

    monkeypatch.setattr(module, "open", opening, raising=False)
    with pytest.raises(OutputError) as caught:
        fetch(remote, tmp_path / "w")
    assert caught.value.code == "disk-full"
    monkeypatch.undo()
    assert 0 < (tmp_path / "w.part").stat().st_size < len(DATA)
    fetch(remote, tmp_path / "w")
    assert hub.ranges[-1] not in (None, "bytes=0-")


@pytest.mark.parametrize(
    ("status", "code"), [(401, "licence-gate"), (403, "licence-gate"), (404, "model-moved"), (400, "server-refused")]
)
def test_refusals_are_explained_at_once(hub, remote, tmp_path, status, code):
    hub.faults += [status] * 9
    with pytest.raises(OrbitPainterError) as caught:
        fetch(remote, tmp_path / "w")
    assert caught.value.code == code
    assert len(hub.ranges) == 1


def test_nobody_there(tmp_path):
    with pytest.raises(OrbitPainterError) as caught:
        fetch(Remote("http://127.0.0.1:9/x", 1), tmp_path / "x")
    assert caught.value.code == "no-connection"


@pytest.mark.parametrize("url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_only_https_leaves_this_machine(tmp_path, url):
    with pytest.raises(InputError) as caught:
        fetch(Remote(url), tmp_path / "x")
    assert caught.value.code == "address-unsafe"


def test_the_token_stays_with_the_host_that_was_asked(hub, remote, tmp_path):
    fetch(remote, tmp_path / "w", token="secret")
    assert hub.tokens == [("resolve", "Bearer secret"), ("storage", None)]

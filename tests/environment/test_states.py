"""The pure parts: transitions, what facts mean, advice, progress, device table, drivers."""

from pathlib import Path

import pytest
from orbit_painter.backend.environment.advice import TABLE, explain
from orbit_painter.backend.environment.devices import RECIPES, devices_here, platform_name, recipe_for
from orbit_painter.backend.environment.drivers import CudaDriver, Gpu, _ask, problem_of
from orbit_painter.backend.environment.fetching import SyncProgress
from orbit_painter.backend.environment.layout import default_root
from orbit_painter.backend.environment.locks import digest, joined, pinned
from orbit_painter.backend.environment.process import tool_environment
from orbit_painter.backend.environment.records import EngineRecord, ProgressRecord
from orbit_painter.backend.environment.states import BUSY, Event, State, advance
from orbit_painter.backend.environment.status import observed
from orbit_painter.backend.errors import OutputError, UsageError


def walk(state, *events):
    for event in events:
        state = advance(state, event)
    return state


def test_the_ways_through_the_states():
    steps = (Event.CHECKED, Event.FETCHED, Event.BUILT, Event.VERIFIED)
    assert walk(State.MISSING, Event.INSTALL, *steps) is State.READY
    assert walk(State.OUTDATED, Event.UPDATE) is State.UPDATING
    assert walk(State.OUTDATED, Event.UPDATE, *steps) is State.READY
    assert walk(State.FAILED, Event.REPAIR, *steps) is State.READY
    assert walk(State.READY, Event.REMOVE, Event.REMOVED) is State.MISSING


def test_every_busy_state_can_fail_and_goes_on_from_there():
    for state in BUSY:
        assert advance(state, Event.FAIL) is State.FAILED
        for event in (Event.INSTALL, Event.UPDATE, Event.REPAIR, Event.REMOVE):
            with pytest.raises(ValueError, match="means nothing"):
                advance(state, event)  # one thing at a time
    assert advance(State.FAILED, Event.INSTALL) is State.PREFLIGHT
    with pytest.raises(ValueError, match="means nothing"):
        advance(State.MISSING, Event.VERIFIED)


ENGINE = EngineRecord("cpu-0123456789", "cpu", "0.1.0", "0123456789", "", {})
SOUND = {
    "engine": ENGINE,
    "named": True,
    "python": Path("python"),
    "previous": "",
    "progress": None,
    "installing": False,
    "wanted": ENGINE.name,
}
NOTHING = {**SOUND, "engine": None, "named": False, "python": None}


@pytest.mark.parametrize(
    ("facts", "state", "code"),
    [
        (NOTHING, State.MISSING, ""),
        (SOUND, State.READY, ""),
        ({**SOUND, "wanted": "cpu-other"}, State.OUTDATED, "engine-outdated"),
        ({**SOUND, "python": None}, State.FAILED, "engine-damaged"),
        ({**NOTHING, "named": True}, State.FAILED, "engine-damaged"),
        ({**NOTHING, "progress": ProgressRecord(State.FETCHING)}, State.FAILED, "interrupted"),
        ({**NOTHING, "progress": ProgressRecord(State.FETCHING), "installing": True}, State.FETCHING, ""),
        ({**SOUND, "progress": ProgressRecord(State.UPDATING), "installing": True}, State.UPDATING, ""),
        ({**SOUND, "progress": ProgressRecord(State.FAILED, code="disk-full")}, State.FAILED, "disk-full"),
    ],
)
def test_what_facts_mean(facts, state, code):
    found = observed(**facts)
    assert (found.state, found.code) == (state, code)
    assert found.python == facts["python"]  # a sound engine can be used whatever happens beside it
    if state in (State.MISSING, State.OUTDATED) or code:
        assert found.code == "disk-full" or (found.message.endswith(".") and found.advice.endswith("."))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("error: Failed to write: No space left on device (os error 28)", "disk-full"),
        ("× Hash mismatch for `torch==2.13.0`", "hash-mismatch"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash-mismatch"),
        ("error: failed to create file: File name too long (os error 36)", "path-too-long"),
        ("Permission denied (os error 13)", "permission"),
        ("Operation did not complete because the file contains a virus (os error 225)", "blocked-by-security"),
        ("invalid peer certificate: UnknownIssuer", "certificate"),
        ("407 Proxy Authentication Required", "proxy"),
        ("HTTP status client error (429 Too Many Requests)", "rate-limit"),
        ("torch==2.13.0+cpu has no wheels with a matching platform tag", "no-wheel"),
        ("Because alpha was not found in the package registry", "package-missing"),
        ("error: No interpreter found for Python 3.11 in managed installations", "python-missing"),
        ("error: Request failed: dns error: failed to lookup address information", "no-connection"),
        ("something nobody has seen", "tool-failed"),
    ],
)
def test_advice(line, code):
    error = explain("uv", 2, ["Resolved 3 packages", line], Path("some.log"))
    assert error.code == code
    assert error.message.endswith(".")
    assert "some.log" in error.advice


def test_codes_of_the_table_are_unique():
    assert len({known.code for known in TABLE}) == len(TABLE)
    assert next(known for known in TABLE if known.code == "disk-full").kind is OutputError


def test_a_large_package_moves_the_bar_while_it_comes(tmp_path):
    fractions = []
    sync = SyncProgress(100 * 2**20, tmp_path, lambda f, d: fractions.append(f), lambda: lambda f, d: None)
    sync.line("Downloading torch (75.0MiB)")
    (tmp_path / ".tmpAbc" / "torch").mkdir(parents=True)
    with open(tmp_path / ".tmpAbc" / "torch" / "lib.so", "wb") as file:
        file.truncate(50 * 2**20)
        sync.tick()
        sync.tick()  # not so soon again
        assert fractions == [0.0, pytest.approx(0.25)]
        file.truncate(900 * 2**20)
    sync._looked = 0.0
    sync.tick()
    assert fractions[-1] == pytest.approx(0.75)  # not more than what was announced


def test_progress_follows_the_bytes_and_never_goes_back(tmp_path):
    fetching, building = [], []
    told = lambda f, d: fetching.append((f, d))  # noqa: E731
    sync = SyncProgress(100 * 2**20, tmp_path, told, lambda: lambda f, d: building.append(f))
    for line in (
        "Resolved 3 packages in 2ms",
        "Downloading torch (75.0MiB)",
        "Downloading numpy (25.0MiB)",
        " Downloaded numpy",
        " Downloaded torch",
        "Prepared 3 packages in 20s",
        "Installed 3 packages in 1s",
    ):
        sync.line(line)
    fractions = [fraction for fraction, _ in fetching]
    assert fractions == sorted(fractions)
    assert fractions[3] == pytest.approx(0.25)
    assert "torch 79 MB" in fetching[1][1]
    assert building == [1.0]


def test_locks_are_hashed_and_name_no_index():
    for recipe in RECIPES.values():
        text = joined(recipe.locks)
        assert "://" not in text
        assert "--index" not in text
        names = pinned(text)
        assert ("torch" in dict(names)) != bool(recipe.unhashed)
        assert text.count("==") >= len(names)
        for block in text.replace("\\\n", "").splitlines():
            if block.strip():
                assert "--hash=sha256:" in block, block


def test_devices_by_platform():
    assert devices_here("linux-x64")[:2] == ["cpu", "cuda"]
    assert devices_here("macos-arm64") == ["cpu", "mps"]
    assert platform_name("win32", "AMD64") == "windows-x64"
    with pytest.raises(UsageError):
        recipe_for("mps", "linux-x64")
    digests = {digest(recipe) for recipe in RECIPES.values()}
    assert len(digests) == len({(r.device, r.locks, r.unhashed) for r in RECIPES.values()})


@pytest.mark.parametrize(
    ("platform", "variables", "end"),
    [
        ("win32", {"LOCALAPPDATA": "C:/Users/ä/AppData/Local"}, "Local/OrbitPainter"),
        ("darwin", {}, "Library/Application Support/OrbitPainter"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/orbit-painter"),
        ("linux", {}, ".local/share/orbit-painter"),
    ],
)
def test_default_folders(platform, variables, end):
    assert default_root(platform, variables).as_posix().endswith(end)


def test_tools_get_nothing_of_blenders_python():
    given = {"PATH": "x", "PYTHONPATH": "y", "LD_LIBRARY_PATH": "z", "https_proxy": "p", "UV_INSECURE_HOST": "h"}
    kept = tool_environment({}, given)
    assert kept["PATH"] == "x"
    assert kept["https_proxy"] == "p"
    assert not {"PYTHONPATH", "LD_LIBRARY_PATH", "UV_INSECURE_HOST"} & set(kept)


class Driver:
    """libcuda as far as it is asked."""

    def __init__(self, version=13000, cards=1, works=True):
        self.version, self.cards, self.works = version, cards, works

    def cuInit(self, flags):
        return 0 if self.works else 100

    def cuDriverGetVersion(self, number):
        number._obj.value = self.version

    def cuDeviceGetCount(self, number):
        number._obj.value = self.cards

    def cuDeviceGet(self, device, index):
        device._obj.value = index

    def cuDeviceGetName(self, text, size, device):
        text.value = b"A card"

    def cuDeviceTotalMem_v2(self, memory, device):
        memory._obj.value = 24 * 2**30

    def cuDeviceGetAttribute(self, value, which, device):
        value._obj.value = {75: 8, 76: 9}[which]


def test_the_driver_is_asked_without_torch():
    assert _ask(Driver()) == CudaDriver(13000, (Gpu("A card", 24 * 2**30, 89),))
    assert problem_of("cuda", _ask(Driver())) is None
    assert problem_of("cuda", _ask(Driver(version=12040)))[0] == "driver-too-old"
    assert "12.4" in problem_of("cuda", _ask(Driver(version=12040)))[1]
    assert problem_of("cuda", _ask(Driver(cards=0)))[0] == "no-nvidia-gpu"
    assert problem_of("cuda", _ask(Driver(works=False)))[0] == "no-nvidia-gpu"
    assert problem_of("cpu") is None

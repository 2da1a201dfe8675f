"""Counts, memory plans and times agree with the specification's tables and with the network itself."""

import json
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.commands import main  # noqa: E402
from orbit_painter.backend.errors import MemoryLimitError, OutputError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import disk_stream, plan, profiles  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.arithmetic import NetworkSize, Workload  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.presets import Speed, preset  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402

A = Workload.of("paper", (61, 61), 512)
B = Workload.of("release", (120, 120), 512)
C = Workload.of("release", (120, 120), 768)
GB = 1e9


def test_workloads_of_the_specification():
    assert A.tokens == 33_792
    assert (B.tokens, B.runs) == (32_768, 2)
    assert C.tokens == 73_728


@pytest.mark.parametrize(("channels", "gasa"), [(68, False), (48, True)])
def test_parameters_are_those_of_the_network(channels, gasa):
    with torch.device("meta"):
        network = OrbitWanTransformer3DModel(in_channels=channels, gasa=gasa)
    assert NetworkSize(in_channels=channels, gasa=gasa).parameters == sum(p.numel() for p in network.parameters())
    per_block = sum(p.numel() for p in network.blocks[0].parameters())
    assert NetworkSize(in_channels=channels, gasa=gasa).block_parameters == per_block


def test_parameters_of_the_specification():
    assert NetworkSize().parameters == 14_289_556_544 + 332_800


# D, both orbits side by side, is a layout that no weights were made for; its count is checked all the same.
@pytest.mark.parametrize(
    ("tokens", "petaflop"), [(A.tokens, 1.760), (B.tokens, 1.679), (C.tokens, 6.249), (34_816, 1.842)]
)
def test_arithmetic_of_the_specification(tokens, petaflop):
    assert NetworkSize().forward_flops(tokens) == pytest.approx(petaflop * 1e15, rel=1e-3)


@pytest.mark.parametrize(
    ("workload", "petaflop"), [(A, 0.60), (B, 2 * (2 * 0.160 + 0.269)), (C, 2 * (2 * 0.362 + 0.608))]
)
def test_arithmetic_of_the_vae(workload, petaflop):
    """Position and normals of both orbits encoded, both decoded."""
    assert workload.vae_flops == pytest.approx(petaflop * 1e15, rel=1e-2)


@pytest.mark.parametrize(
    ("storage", "gigabytes", "block"), [("bf16", 28.6, 0.70), ("fp8", 14.3, 0.35), ("4bit", 8.0, 0.19)]
)
def test_weights_of_the_specification(storage, gigabytes, block):
    """fp8 and 4 bit: what lies outside of the blocks stays bf16."""
    size = NetworkSize()
    assert profiles.expert_bytes(size, storage) == pytest.approx(gigabytes * GB, rel=0.02)
    assert size.block_parameters * profiles.BYTES[storage] == pytest.approx(block * GB, rel=0.02)


def test_arithmetic_is_what_pytorch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    small = {"num_attention_heads": 2, "attention_head_dim": 64, "num_layers": 3, "ffn_dim": 300, "text_dim": 64}
    with torch.device("meta"):
        network = OrbitWanTransformer3DModel(**small)
        x, text = torch.empty(1, 68, 16, 32, 32), torch.empty(1, 512, 64)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x, torch.empty(1), text, torch.empty(1, 16, 1, 32, 32))
    size = NetworkSize(dim=128, ffn_dim=300, layers=3, text_dim=64)
    assert counter.get_total_flops() == pytest.approx(size.forward_flops(17 * 256), rel=0.02)


def test_gasa_adds_its_projections():
    with_gasa, plain = (NetworkSize(in_channels=48, gasa=g).forward_flops(A.tokens) for g in (True, False))
    assert (with_gasa - plain) / plain == pytest.approx(0.156, abs=0.006)  # specs/inference-speed.md


# Peak of the GPU in GB, from the specification's table for A and B.
TABLE = {"80": (62, 66), "48": (33, 36), "24": (18, 20), "16": (11, 13.5), "12": (5, 7.5), "8": (4, 6)}


@pytest.mark.parametrize("workload", [A, B])
@pytest.mark.parametrize("name", list(TABLE))
def test_memory_of_the_specification(workload, name):
    made = profiles.plan(profiles.profile_named(name), workload)
    low, high = TABLE[name]
    assert low - 1 <= made.peak / GB <= high + 0.5
    assert made.peak < float(name) * GB * 0.9


def test_the_largest_profile_that_fits_is_chosen():
    names = [profiles.choose(free * GB, 64 * GB, A).profile.name for free in (140, 45, 23, 15.5, 9, 4.5)]
    assert names == ["80", "48", "24", "16", "12", "8"]
    assert profiles.choose(45 * GB, 64 * GB, A, allowed=("bf16", "4bit")).profile.name == "48"
    assert profiles.choose(23 * GB, 64 * GB, A, allowed=("bf16", "4bit")).profile.name == "16"  # Apple: no fp8
    assert profiles.choose(7 * GB, 25 * GB, A).profile.name == "8"  # not the RAM for fp8
    assert profiles.choose(7 * GB, 14 * GB, A).profile.name == "8-disk"  # not the RAM for both experts in 4 bits
    with pytest.raises(MemoryLimitError, match=r"needs .* GB of free GPU memory"):
        profiles.choose(3 * GB, 64 * GB, A)


def test_the_vae_is_tiled_where_it_has_to_be():
    assert not profiles.choose(80 * GB, 64 * GB, A).profile.vae_tiled
    large = Workload.of("release", (61, 61), 1024)
    small = profiles.choose(10 * GB, 64 * GB, large)
    assert small.profile.vae_tiled
    assert small.peak < 10 * GB < profiles.plan(profiles.profile_named(small.profile.name), large).peak


def test_lower_profiles():
    chain, profile = [], profiles.PROFILES[0]
    while profile is not None:
        chain.append(profile.name)
        profile = profiles.lower(profile)
    assert chain == ["80", "48", "24", "16", "12", "8", "8-disk"]
    assert profiles.lower(profiles.CPU).storage == "4bit"


def test_presets_and_times():
    assert plan.forwards(preset("best", False)) == 100
    assert plan.forwards(preset("balanced", False)) == 30
    assert plan.forwards(preset("fast", True)) == 4
    assert plan.forwards(Speed(steps=10, guidance=1.0)) == 10
    best = plan.plan_run(A, preset("best", False), 80 * GB, 64 * GB, "NVIDIA H100 80GB HBM3")
    assert best.forward_seconds == pytest.approx(4.82, rel=0.02)
    assert best.seconds / 60 == pytest.approx(8.0, rel=0.05)  # the specification: 8.0 min eager
    assert plan.plan_run(A, preset("fast", True), 80 * GB, 64 * GB).seconds < 30
    assert plan.plan_run(A, preset("best", False), 24 * GB, 64 * GB).card == "4090"


def test_the_disks_folder_goes_with_the_model_or_with_the_next_one(tmp_path, monkeypatch):
    first = disk_stream.DiskStream(tmp_path)
    folders = [first.room_for(name, torch.nn.Linear(2, 2)) for name in ("high", "low")]
    assert folders[0] != folders[1]
    left = tmp_path / "left by a process that was killed"
    left.mkdir()
    (left / "lock").touch()
    second = disk_stream.DiskStream(tmp_path)
    assert not left.exists()
    assert first.folder.exists()  # in use
    first.close()
    second.close()
    assert not list(tmp_path.iterdir())
    third = disk_stream.DiskStream(tmp_path)
    monkeypatch.setattr(disk_stream.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1))
    with pytest.raises(OutputError, match="Free some space"):
        third.room_for("high", torch.nn.Linear(2, 2))
    third.close()


def test_several_devices_take_less_time():
    settings = preset("best", False)
    one, branches, four = (plan.plan_run(A, settings, 80 * GB, 64 * GB, "H100", devices=n).seconds for n in (1, 2, 4))
    coding = A.vae_flops / (plan.VAE_SHARE * plan.CARDS["H100"])
    assert branches - coding == pytest.approx((one - coding) / 2)  # guidance on all steps
    assert four - coding == pytest.approx((one - coding) / 4)
    fast = preset("fast", True)
    times = [plan.plan_run(A, fast, 80 * GB, 64 * GB, "H100", devices=2, shared=s).seconds for s in (False, True)]
    assert times[0] > times[1]  # nothing to take apart where there is no guidance


def planned(capfd, *words):
    """What the program prints, and its exit status."""
    status = main(["plan", *words], None)
    return status, capfd.readouterr().out


def test_plan_command_prints_a_table(capfd):
    status, text = planned(capfd, "--gpu", "24", "--ram", "64", "--mode", "paper")
    assert status == 0
    (chosen,) = [line for line in text.splitlines() if "this one" in line]
    assert "fp8" in chosen
    assert "PFLOP" in text
    assert "4090" in text
    assert "note:" not in text
    status, text = planned(capfd, "--gpu", "2", "--ram", "64")
    assert (status, "Nothing fits" in text) == (0, True)
    assert planned(capfd, "--gpu", "24", "--devices", "3")[0] == 2
    assert "no GPU" in planned(capfd, "--engine", "projection")[1]


def test_plan_command_gives_numbers_to_programs(capfd):
    status, text = planned(capfd, "--gpu", "48", "--ram", "64", "--json")
    (event,) = [json.loads(line) for line in text.splitlines()]
    assert (status, event["type"]) == (0, "result")
    numbers = event["metrics"]
    assert numbers["profile"] == "48"
    profile = next(each for each in numbers["profiles"] if each["name"] == "48")
    assert profile["placement"] == "swap"
    assert profile["gpu_bytes"] < 36e9
    assert numbers["flops"] == numbers["forwards"] * numbers["forward_flops"]

"""The training loop with a network of one layer: learning, exact resume, stopping, and everything that goes wrong."""

import json
import queue
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("tensorboard")

from orbit_painter.backend.dataset.items import Item, Procedural  # noqa: E402
from orbit_painter.backend.dataset.plan import RenderPlan  # noqa: E402
from orbit_painter.backend.dataset.render import render_dataset  # noqa: E402
from orbit_painter.backend.errors import CancelledError, InputError, OutputError, UsageError  # noqa: E402
from orbit_painter.backend.training import checkpoint  # noqa: E402
from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.source import Order, ProceduralSource, ShardSource  # noqa: E402
from orbit_painter.backend.training.trainer import Trainer, rate_at, train  # noqa: E402

PLAN = RenderPlan(views=(2, 2), size=32, references=(1, 0, 0))


def losses(out):
    return [(line["step"], line["loss"]) for line in map(json.loads, (out / "losses.jsonl").read_text().splitlines())]


def changed(settings, **tables):
    return make_config({**settings, **{name: {**settings.get(name, {}), **new} for name, new in tables.items()}})


def stop_after(step):
    def progress(fraction, detail=""):
        if detail == f"step {step + 1} of 4":
            raise CancelledError

    return progress


def weights(folder, name="trained"):
    return checkpoint.read_tensors(folder / f"{name}.safetensors")


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(settings, tmp_path):
    config = make_config(settings)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(CancelledError, match="step 3"):
        train(config, tmp_path / "parts", progress=stop_after(3))  # between two regular checkpoints
    parts = train(config, tmp_path / "parts", resume=True)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    for name in ("trained", "ema", "optimiser"):
        first, second = weights(whole, name), weights(parts, name)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_killed_run_does_its_lost_steps_again(settings, tmp_path):
    config = make_config(settings)
    train(config, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    shutil.rmtree(tmp_path / "killed" / "checkpoints" / "step-00000004")  # died before it was written
    with open(tmp_path / "killed" / "losses.jsonl", "a") as file:
        file.write('{"step": 5, "lo')
    train(config, tmp_path / "killed", resume=True)
    assert losses(tmp_path / "whole") == losses(tmp_path / "killed")


def test_it_learns(settings, tmp_path):
    config = changed(settings, run={"steps": 40, "draws": 4, "save_every": 40})
    train(config, tmp_path)
    loss = np.array([value for _, value in losses(tmp_path)])
    assert loss[-10:].mean() < 0.8 * loss[:5].mean()


@pytest.mark.parametrize("table", [{"layout": "release", "channels": 68, "gasa": False}, {"background_every": 8}])
def test_other_layouts_train(settings, tmp_path, table):
    train(changed(settings, model=table, objective={"kind": "release"}, run={"steps": 1}), tmp_path)
    assert np.isfinite(losses(tmp_path)[0][1])


def test_stored_latents_do_not_change_the_run_much_and_are_reused(settings, tmp_path):
    train(make_config(settings), tmp_path / "plain")
    stored = changed(settings, data={"latents": str(tmp_path / "latents")})
    train(stored, tmp_path / "first")
    files = sorted((tmp_path / "latents").iterdir())
    assert len(files) == 6
    files[0].write_bytes(b"broken")
    train(stored, tmp_path / "second")
    assert losses(tmp_path / "first") == losses(tmp_path / "second")
    assert np.allclose(
        [v for _, v in losses(tmp_path / "plain")], [v for _, v in losses(tmp_path / "first")], rtol=0.02
    )


def test_a_loss_that_is_not_a_number_stops_and_names_the_sample(settings, tmp_path, monkeypatch):
    config = make_config(settings)
    trainer = Trainer(config, tmp_path, ShardSource(config.data.shards))
    trainer.start(False)
    honest, seen = trainer._loss, []

    def poisoned(draw):
        seen.append(draw.example.key)
        return honest(draw) * (float("nan") if len(seen) == 6 else 1.0)

    monkeypatch.setattr(trainer, "_loss", poisoned)
    with pytest.raises(InputError, match=f"step 3 .*{seen[5] if len(seen) > 5 else ''}") as caught:
        trainer.run()
    assert caught.value.code == "loss-not-finite"
    assert seen[5] in caught.value.message
    assert seen[4] not in caught.value.message  # of the same step, and without fault
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step-00000002"]
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "checkpoints" / "step-00000002").values())


def test_other_settings_and_other_runs_are_refused(settings, tmp_path):
    train(changed(settings, run={"steps": 2}), tmp_path)
    with pytest.raises(InputError, match="already"):
        train(make_config(settings), tmp_path)
    with pytest.raises(UsageError, match=r"optimiser\.rate \(was 0\.01, is 0\.02\)"):
        train(changed(settings, optimiser={"rate": 0.02}), tmp_path, resume=True)
    with pytest.raises(UsageError, match=r"model\.layers"):
        train(changed(settings, model={"layers": 2}), tmp_path, resume=True)
    train(changed(settings, run={"log_every": 2, "steps": 3}), tmp_path, resume=True)


def test_a_damaged_checkpoint_is_named(settings, tmp_path):
    folder = train(changed(settings, run={"steps": 2}), tmp_path)
    (folder / "trained.safetensors").write_bytes(b"cut")
    with pytest.raises(InputError, match=r"trained\.safetensors"):
        train(make_config(settings), tmp_path, resume=True)


def test_a_full_disk_leaves_the_checkpoints_before(settings, tmp_path, monkeypatch):
    import errno

    config, honest = make_config(settings), checkpoint.save_file

    def full(tensors, path):
        if "00000004" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(tensors, path)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OutputError, match="disk is full"):
        train(config, tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    monkeypatch.undo()
    train(config, tmp_path, resume=True)


def test_a_disk_that_fills_up_between_checkpoints_is_told_too(settings, tmp_path, monkeypatch):
    import errno

    from orbit_painter.backend.training.trainer import _Log

    honest = _Log.write

    def full(self, step, *more):
        if step == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(self, step, *more)

    monkeypatch.setattr(_Log, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        train(make_config(settings), tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]


def test_a_shard_cut_short_ends_the_run_before_it_begins(settings, shards, tmp_path):
    broken = tmp_path / "data"
    shutil.copytree(shards, broken)
    shard = broken / "000001.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"000001\.tar is cut short"):
        train(changed(settings, data={"shards": str(broken)}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_latents_that_do_not_fit_on_the_disk_are_told(settings, tmp_path, monkeypatch):
    from orbit_painter.backend.training import latent_store
    from safetensors import SafetensorError

    def full(tensors, path):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(latent_store, "save_file", full)
    with pytest.raises(OutputError, match="disk is full") as caught:
        train(changed(settings, data={"latents": str(tmp_path / "latents")}), tmp_path / "run")
    assert caught.value.code == "disk-full"
    assert not list((tmp_path / "latents").iterdir())


def test_shards_without_samples_are_no_data_set(settings, tmp_path):
    render_dataset(AllFail(), tmp_path / "data", PLAN, source="test")
    with pytest.raises(InputError) as caught:
        train(changed(settings, data={"shards": str(tmp_path / "data")}), tmp_path / "run")
    assert caught.value.code == "dataset-empty"


class AllFail:
    """A list of one model, which is broken."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        def make(progress):
            raise ValueError("no model")

        return Item("a.glb", make)


def test_the_next_sample_is_read_while_a_step_is_computed(settings, tmp_path):
    asked = queue.SimpleQueue()

    class Noted(ShardSource):
        def sample(self, index):
            asked.put(index)
            return super().sample(index)

    config = make_config(settings)
    trainer = Trainer(config, tmp_path, Noted(config.data.shards))
    trainer.steps.draw(0, 0)
    order = Order(6, config.run.seed)
    assert [asked.get(timeout=60), asked.get(timeout=60)] == [order(0), order(1)]


def test_frames_of_a_size_that_no_network_takes_are_named(settings, tmp_path):
    odd = RenderPlan(views=(2, 2), size=40, references=(1, 0, 0))
    render_dataset(Procedural(0, 1, 1, odd), tmp_path / "data", odd, source="test")
    with pytest.raises(InputError, match="procedural-00000000 are of 40 pixels") as caught:
        train(changed(settings, data={"shards": str(tmp_path / "data")}), tmp_path / "run")
    assert caught.value.code == "sample-size"


class Broken(ShardSource):
    """Samples 0 and 1 cannot be read."""

    def sample(self, index):
        if index < 2:
            raise InputError("shard-damaged", f"number {index} is broken.")
        return super().sample(index)


def test_broken_samples_are_left_out_and_named_once(settings, tmp_path):
    config, notes = make_config(settings), []
    train(config, tmp_path, source=Broken(config.data.shards), note=notes.append)
    assert sorted(note.rpartition("number")[2][:3] for note in notes) == [" 0 ", " 1 "]
    assert len(losses(tmp_path)) == 4


def test_a_data_set_without_a_usable_sample_ends_the_run(settings, tmp_path):
    class AllBroken(ShardSource):
        def sample(self, index):
            raise InputError("shard-damaged", "broken.")

    config = make_config(settings)
    with pytest.raises(InputError) as caught:
        train(config, tmp_path, source=AllBroken(config.data.shards))
    assert caught.value.code == "dataset-broken"


def test_old_checkpoints_go_and_milestones_stay(settings, tmp_path):
    train(changed(settings, run={"steps": 6, "save_every": 1, "keep": 2, "milestone": 3}), tmp_path)
    assert [int(path.name[5:]) for path in checkpoint.checkpoints(tmp_path)] == [3, 5, 6]


def test_sheets_are_drawn(settings, tmp_path):
    from orbit_painter.backend.files import read_png

    train(changed(settings, run={"steps": 2, "sample_every": 2, "samples": 2, "sample_steps": 2}), tmp_path)
    sheet = read_png(tmp_path / "samples" / "step-00000002.png")
    assert sheet.shape == (4 * 32, 9 * 32, 3)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    curve = [(event.step, event.value) for event in board.Scalars("loss")]
    assert curve == [(step, pytest.approx(loss, rel=1e-5)) for step, loss in losses(tmp_path)]
    assert {"gradient", "rate", "seconds"} < set(board.Tags()["scalars"])
    assert board.Tags()["images"] == ["samples"]


def test_rates():
    optimiser = make_config({"model": {"train": "full"}}).optimiser
    assert [rate_at(optimiser, step, 100) for step in (0, 4, 5, 99)] == pytest.approx([1e-4 / 3, 1e-4 / 3, 1e-4, 1e-4])
    optimiser = make_config({"model": {"train": "full"}, "optimiser": {"warmup": 10, "cooldown": 0.5}}).optimiser
    assert [rate_at(optimiser, step, 100) for step in (0, 9, 50, 75)] == pytest.approx([1e-5, 1e-4, 1e-4, 5e-5])


def test_an_epoch_has_every_sample_once():
    order = Order(7, 3)
    first, second = [order(n) for n in range(7)], [order(n) for n in range(7, 14)]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    assert [Order(7, 3)(n) for n in range(5, 9)] == [*first[5:], *second[:2]]
    assert Order(ProceduralSource.COUNT, 3)(123) == 123


def test_accelerates_own_fsdp_is_refused(settings, tmp_path, monkeypatch):
    """Its checkpoints would be in parts that no resumed run and no export reads."""
    import accelerate
    from accelerate.utils import DistributedType

    monkeypatch.setattr(accelerate.Accelerator, "distributed_type", property(lambda self: DistributedType.FSDP))
    with pytest.raises(UsageError, match=r"run\.shard=true") as caught:
        train(make_config(settings), tmp_path / "run")
    assert caught.value.code == "accelerate-fsdp"
    assert not (tmp_path / "run").exists()


def test_targets_go_on_past_the_silhouette(settings, shards):
    from orbit_painter.backend.training.examples import past_silhouette

    sample = ShardSource(shards).sample(0)
    filled, inside = past_silhouette(sample.albedo, sample.mask), sample.mask == 255
    assert (filled[inside] == sample.albedo[inside]).all()
    for frame, target, mask in zip(filled, sample.albedo, sample.mask, strict=True):
        low, high = target[mask == 255].min(axis=0), target[mask == 255].max(axis=0)
        assert (frame >= low.astype(int) - 8).all()  # edge pixels were blended in 8 bits
        assert (frame <= high.astype(int) + 8).all()
    nothing = past_silhouette(np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8), np.uint8))
    assert not nothing.any()


def test_continued_targets_are_stored_apart_from_the_others(settings, tmp_path):
    folder = tmp_path / "latents"
    for continued, count in ((False, 6), (True, 12)):
        train(changed(settings, data={"latents": str(folder), "continued": continued}), tmp_path / f"{continued}")
        assert len(list(folder.iterdir())) == count

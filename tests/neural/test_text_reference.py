"""A reference from words by a tiny random Stable Diffusion with a ControlNet."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.errors import CancelledError, InputError  # noqa: E402
from orbit_painter.backend.orbits.cameras import orbit_cameras  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import text_reference  # noqa: E402
from orbit_painter.backend.progress import silent  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A text-to-image pipeline without control, and a ControlNet for it."""
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    home = tmp_path_factory.mktemp("image_model")
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        norm_num_groups=4,
        attention_head_dim=4,
    )
    vae = AutoencoderKL(
        block_out_channels=[8, 8],
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
    )
    letters = {f"{c}</w>": i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}
    vocabulary = {**letters, "<|startoftext|>": 26, "<|endoftext|>": 27}
    vocabulary |= {c: 28 + i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}
    (home / "vocab.json").write_text(json.dumps(vocabulary))
    (home / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(home / "vocab.json"), str(home / "merges.txt"), model_max_length=16)
    text = CLIPTextConfig(
        hidden_size=16, intermediate_size=16, num_attention_heads=4, num_hidden_layers=1, vocab_size=60,
        max_position_embeddings=16, bos_token_id=26, eos_token_id=27, pad_token_id=27,
    )  # fmt: skip
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(home / "model")
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8))
    for parameter in control.parameters():  # its outputs start at zero
        torch.nn.init.normal_(parameter, std=0.2)
    control.save_pretrained(home / "control")
    return home / "model", home / "control"


def view(tiny, size=64):
    passes = tiny.sphere_passes((4, 0), size)
    assert len(orbit_cameras("H", 4, size)) == 4
    return passes.view(0)


def test_control_pictures(tiny):
    passes = view(tiny)
    depth = text_reference.control_picture(passes, "depth")
    centre = len(depth) // 2
    assert depth[centre, centre, 0] > 250  # nearest
    assert not depth[0, 0].any()
    normal = text_reference.control_picture(passes, "normal")
    assert normal[centre, centre].tolist() == pytest.approx([128, 128, 255], abs=6)
    assert normal[centre, centre + 15, 0] > 180  # to the right
    assert normal[centre - 15, centre, 1] > 180  # up


def test_words_become_a_reference(tiny, folders):
    pipe = text_reference.load(*folders, CPU, torch.float32)
    passes = view(tiny)

    def paint(text, kind="depth", seed=0):
        return text_reference.paint_reference(pipe, text, passes, kind, seed, 2, silent)

    picture = paint("a red ball")
    assert picture.shape == (64, 64, 4)
    assert np.array_equal(picture[..., 3] == 255, passes.mask)
    assert np.array_equal(paint("a red ball"), picture)
    assert not np.array_equal(paint("a red ball", seed=1), picture)
    assert not np.array_equal(paint("a red ball", kind="normal"), picture)

    def stop(fraction, detail):
        if fraction > 0:
            raise CancelledError

    with pytest.raises(CancelledError):
        text_reference.paint_reference(pipe, "x", passes, "depth", 0, 2, stop)


def test_models_that_cannot_be_used_are_explained(folders, tmp_path):
    model, control = folders
    with pytest.raises(InputError, match="--control"):
        text_reference.load(model, None, CPU, torch.float32)
    for pair in ((tmp_path / "none", None), (control, control), (model, tmp_path)):
        with pytest.raises(InputError, match="image model"):
            text_reference.load(*pair, CPU, torch.float32)


def test_command(tiny, folders, tmp_path):
    from pathlib import Path

    from orbit_painter.backend.commands import main
    from orbit_painter.backend.file_host import FileHost

    root = Path(__file__).resolve().parents[2]
    out = tmp_path / "reference.png"
    words = ["reference", "--mesh", str(root / "examples" / "sample.glb"), "--text", "a red ball", "--size", "64"]
    words += ["--model", str(folders[0]), "--control", str(folders[1]), "--steps", "2", "--out", str(out)]
    assert main(words, FileHost) == 0
    assert out.is_file()
    assert out.with_suffix(".json").is_file()
    assert main([*words, "--steps", "0"], FileHost) == 2

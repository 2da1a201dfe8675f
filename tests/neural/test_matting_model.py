"""ViTMatte from a folder in the released format: a tiny random one; never anything from the network."""

import socket

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from orbit_painter.backend.errors import InputError  # noqa: E402
from orbit_painter.backend.models.catalogue import MATTING, model_named  # noqa: E402
from orbit_painter.backend.models.store import ModelStore  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import weights  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.matting_model import vitmatte  # noqa: E402

SIZE = 96


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """config.json, model.safetensors and preprocessor_config.json, as on the hub."""
    from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor

    torch.manual_seed(0)
    backbone = VitDetConfig(
        num_channels=4, image_size=64, pretrain_image_size=32, patch_size=16, hidden_size=24, num_hidden_layers=2,
        num_attention_heads=2, window_size=2, window_block_indices=[0], residual_block_indices=[1],
        use_relative_position_embeddings=True, out_features=["stage2"],
    )  # fmt: skip
    config = VitMatteConfig(
        backbone_config=backbone, hidden_size=24, convstream_hidden_sizes=[8, 8, 16], fusion_hidden_sizes=[16, 8, 8, 4]
    )
    home = tmp_path_factory.mktemp("vitmatte")
    VitMatteForImageMatting(config).eval().save_pretrained(home)
    VitMatteImageProcessor().save_pretrained(home)
    return home


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refused(*given, **named):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refused)


def cut_out(height=SIZE, width=SIZE + 13):
    """A disc, and the soft alpha that a simple matte finds; the size is no multiple of the network's 32 pixels."""
    v, u = np.mgrid[:height, :width]
    distance = np.hypot(v - height / 2, u - width / 2)
    alpha = np.clip(30.5 - distance, 0, 1).astype(np.float32)
    colour = np.full((height, width, 3), 0.7, np.float32) * alpha[..., None]
    return colour, alpha, distance


def test_only_the_outline_is_found_anew(folder):
    colour, alpha, distance = cut_out()
    found = vitmatte(folder, colour, alpha)
    assert found.shape == alpha.shape
    assert found.dtype == np.float32
    assert (found[distance < 25] == 1).all()
    assert (found[distance > 36] == 0).all()
    outline = np.abs(distance - 30) < 1
    assert ((found >= 0) & (found <= 1)).all()
    assert not np.array_equal(found[outline], alpha[outline])  # a random network has its own opinion
    assert np.array_equal(found, vitmatte(str(folder), colour, alpha))


def test_folders_without_such_a_model_are_explained(tmp_path):
    colour, alpha, _ = cut_out()
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="ViTMatte"):
            vitmatte(place, colour, alpha)


def test_the_model_stores_is_found_when_it_is_there(folder, tmp_path, monkeypatch):
    store = ModelStore(tmp_path)
    monkeypatch.setattr(weights, "ModelStore", lambda: store)
    assert weights.find_matting() is None
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"")
    (other / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(InputError):
        store.add(other)  # another model whose file has the same name
    assert store.add(folder) == [model_named(MATTING)]
    assert weights.find_matting() == folder

# SPDX-License-Identifier: GPL-3.0-or-later
"""The learned metrics equal their references, read weights from files alone, and say what is missing."""

import importlib.util
import socket
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.errors import EngineMissingError, InputError, UsageError
from orbit_painter.backend.evaluation import learned

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")
pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No metric opens a connection, whatever it is given."""

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def files(tmp_path_factory, random_weights):
    folder = tmp_path_factory.mktemp("weights")
    return learned.Weights(
        str(random_weights.classifier_file(folder / "alex.pth", "alex")),
        str(random_weights.inception_file(folder / "inception.pth")),
        str(random_weights.clip_folder(folder / "clip")),
    )


@pytest.fixture(scope="module")
def networks(files):
    return learned.Networks(files.metrics(), files)


def test_inception_gives_the_features_of_torch_fidelity(networks, random_weights):
    """Expected: NoTrainInceptionV3 of torchmetrics 1.9.0 on torch-fidelity 0.4.0, with the same weights."""
    one, other = (networks.features(picture)["inception"] for picture in random_weights.pictures(2, 96))
    assert one.shape == (2048,)
    assert one[[0, 1, 500, 1999]] == pytest.approx([4.393273, 9.993716, 0.02961767, 6.924348], rel=1e-3)
    assert other[[0, 1, 500, 1999]] == pytest.approx([4.504938, 10.08109, 0.03038068, 7.214315], rel=1e-3)
    assert np.mean([one, other]) == pytest.approx(1.6475395, rel=1e-4)


@pytest.mark.parametrize(("net", "far", "near"), [("alex", 0.08918945, 0.006141396), ("vgg", 0.12909526, 0.006542331)])
def test_lpips_gives_the_distances_of_torchmetrics(tmp_path, random_weights, net, far, near):
    """Expected: torchmetrics 1.9.0 on torchvision 0.28.0, with the same weights."""
    path = random_weights.classifier_file(tmp_path / "weights.pth", net)
    network = learned.Networks(["lpips"], learned.Weights(lpips=str(path)))
    one, other = random_weights.pictures(2, 96)
    assert network.distance(one, one) == 0
    assert network.distance(one, other) == pytest.approx(far, rel=1e-3)
    assert network.distance(one, np.rint(one * 0.5 + 51).astype(np.uint8)) == pytest.approx(near, rel=2e-2)


def test_clip_gives_the_features_of_transformers(networks, files, random_weights):
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(files.clip, local_files_only=True)
    picture = random_weights.pictures(1, 32)[0]  # the model's own size, so that nothing is resized
    mean, deviation = (np.array(values) for values in (networks.clip.MEAN, networks.clip.DEVIATION))
    pixels = torch.from_numpy(((picture / 255 - mean) / deviation).astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = model.visual_projection(model.vision_model(pixels).pooler_output)[0].numpy()
    found = networks.features(picture)["clip"]
    assert found == pytest.approx(expected, abs=1e-5)
    assert learned.similarity(found, 3 * found) == pytest.approx(1)


def test_frechet_distance_of_known_distributions():
    linalg = pytest.importorskip("scipy.linalg")
    random = np.random.default_rng(0)
    a = random.normal(size=(60, 8)).astype(np.float32)
    b = (1.3 * random.normal(size=(50, 8)) + 0.5).astype(np.float32)
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert learned.frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert learned.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert learned.frechet_distance(a, a + 2) == pytest.approx(8 * 4, rel=1e-4)


def test_kernel_distance_equals_its_definition_and_is_repeatable():
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 30, 6)).astype(np.float32)
    b += 1

    def kernel(x, y):
        return (x @ y.T / 6 + 1) ** 3

    def others(k):
        return (k.sum() - np.trace(k)) / (30 * 29)

    expected = others(kernel(a, a)) + others(kernel(b, b)) - 2 * kernel(a, b).mean()
    assert learned.kernel_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert learned.kernel_distance(a, b[:20]) == learned.kernel_distance(a, b[:20])


def test_distances_need_two_pictures():
    one = {"inception": np.zeros((1, 4), np.float32)}
    assert learned.set_distances(["fid", "kid"], one, one) == {"fid": None, "kid": None}


def test_what_is_not_given_is_left_out_with_a_sentence(files):
    assert learned.check_metrics([], learned.Weights()) == []
    sentence = learned.left_out([])
    assert "LPIPS with --lpips-weights FILE" in sentence
    assert "CLIP-FID, CLIP-I with --clip FOLDER" in sentence
    assert learned.check_metrics([], files) == list(learned.NEEDS)
    assert learned.left_out(list(learned.NEEDS)) is None
    assert learned.check_metrics(["clip_i"], files) == ["clip_i"]


def test_a_metric_that_is_asked_for_without_weights_is_an_error():
    with pytest.raises(UsageError, match="never downloaded") as caught:
        learned.check_metrics(["fid"], learned.Weights())
    assert caught.value.code == "weights-not-given"
    with pytest.raises(InputError) as caught:
        learned.check_metrics(["fid"], learned.Weights(inception="/nowhere/inception.pth"))
    assert caught.value.code == "weights-missing"


def test_without_torchmetrics_there_is_a_sentence(files, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torchmetrics" else found(name))
    with pytest.raises(EngineMissingError, match="torchmetrics") as caught:
        learned.check_metrics([], files)
    assert caught.value.code == "metrics-missing"


def test_weights_of_something_else_and_broken_ones_are_told(files, tmp_path):
    def load(**paths):
        weights = learned.Weights(**{name: str(path) for name, path in paths.items()})
        with pytest.raises(InputError) as caught:
            learned.Networks(weights.metrics(), weights)
        return caught.value.code

    assert load(lpips=files.inception) == "weights-unknown"
    assert load(inception=files.lpips) == "weights-unknown"
    half = tmp_path / "half.pth"
    half.write_bytes(Path(files.lpips).read_bytes()[:5000])
    assert load(lpips=half) == "weights-damaged"
    (tmp_path / "empty").mkdir()
    assert load(clip=tmp_path / "empty") == "weights-missing"
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "config.json").write_text("[]")
    assert load(clip=tmp_path / "clip") == "weights-unknown"

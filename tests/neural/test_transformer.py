"""The network equals an independent forward pass written from the specification."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.painters.orbitpainter import transformer as module  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.checkpoint_mapping import transformer_name  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.latents import fit_patch_embedding, network_input  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.time_embedding import rounded_timestep  # noqa: E402

Network = module.OrbitWanTransformer3DModel


def build(wan, state, **config):
    network = Network(**(wan.TINY | config))
    network.load_state_dict({transformer_name(name): value for name, value in state.items()}, strict=True)
    return network.eval()


def inputs(channels=68, seed=5):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, channels, 3, 6, 8, generator=generator)
    text = torch.randn(1, 7, 24, generator=generator)
    reference = torch.randn(1, 16, 1, 6, 8, generator=generator)
    return x, text, reference


@torch.no_grad()
@pytest.mark.parametrize("timestep", [1000.0, 890.9, 3.2])
def test_equals_the_reference_forward(wan, timestep):
    state = wan.weights()
    x, text, reference = inputs()
    ours = build(wan, state)(x, torch.tensor([timestep]), text, reference).sample
    exact = wan.forward(state, x.double(), timestep, text.double(), reference.double())
    assert ours.shape == (1, 16, 3, 6, 8)
    assert exact.abs().max() > 0.5
    torch.testing.assert_close(ours.double(), exact, atol=2e-5, rtol=0)


@torch.no_grad()
def test_equals_the_reference_forward_without_reference_tokens(wan):
    state = wan.weights()
    x, text, _ = inputs()
    ours = build(wan, state)(x, torch.tensor([500.0]), text).sample
    torch.testing.assert_close(ours.double(), wan.forward(state, x.double(), 500.0, text.double()), atol=2e-5, rtol=0)


@torch.no_grad()
def test_kept_tokens_are_a_shorter_sequence(wan):
    state = wan.weights()
    x, text, reference = inputs()
    network, time = build(wan, state), torch.tensor([500.0])
    kept = torch.rand(36, generator=torch.Generator().manual_seed(0)) < 0.6
    ours = network(x, time, text, reference, kept_tokens=kept.nonzero().flatten()).sample
    exact = wan.forward(state, x.double(), 500.0, text.double(), reference.double(), kept=kept)
    torch.testing.assert_close(ours.double(), exact, atol=2e-5, rtol=0)
    plain = network(x, time, text, reference).sample
    assert (ours - plain).abs().max() > 0.01
    assert torch.equal(network(x, time, text, reference, kept_tokens=torch.arange(36)).sample, plain)


@torch.no_grad()
def test_the_reference_picture_and_its_place_matter(wan):
    state = wan.weights()
    x, text, reference = inputs()
    network, time = build(wan, state), torch.tensor([500.0])
    plain = network(x, time, text, reference).sample
    for other in (torch.zeros_like(reference), reference.flip(-1)):
        assert (network(x, time, text, other).sample - plain).abs().max() > 1e-3


@torch.no_grad()
def test_a_batch_of_guidance_branches_equals_single_calls(wan):
    network = build(wan, wan.weights())
    x, text, reference = inputs()
    other = torch.randn(text.shape, generator=torch.Generator().manual_seed(9))
    together = network(x.expand(2, -1, -1, -1, -1), torch.tensor([700.0] * 2), torch.cat([text, other]), reference)
    for index, branch in enumerate((text, other)):
        single = network(x, torch.tensor([700.0]), branch, reference).sample
        torch.testing.assert_close(together.sample[index : index + 1], single, atol=5e-6, rtol=0)


@torch.no_grad()
def test_48_channels_equal_68(wan):
    state = wan.weights()
    generator = torch.Generator().manual_seed(2)
    noise, position, normal = (torch.randn(1, 16, 3, 6, 8, generator=generator) for _ in range(3))
    _, text, reference = inputs()
    folded = state | {"patch_embedding.weight": fit_patch_embedding(state["patch_embedding.weight"], 48)}
    results = []
    for channels, weights in ((68, state), (48, folded)):
        network = build(wan, weights, in_channels=channels)
        x = network_input(noise, position, normal, channels)
        results.append(network(x, torch.tensor([600.0]), text, reference).sample)
    torch.testing.assert_close(*results, atol=2e-6, rtol=0)
    unfolded = fit_patch_embedding(folded["patch_embedding.weight"], 68)
    assert torch.equal(unfolded[:, :32], state["patch_embedding.weight"][:, :32])
    assert torch.equal(unfolded[:, 52:], state["patch_embedding.weight"][:, 52:])
    assert not unfolded[:, 32:52].any()


def test_base_patch_embedding_widens_with_zeros():
    base = torch.randn(4, 52, 1, 2, 2)
    wide = fit_patch_embedding(base, 68)
    assert torch.equal(wide[:, :52], base)
    assert not wide[:, 52:].any()
    narrow = fit_patch_embedding(base, 48)
    assert torch.equal(narrow[:, :32], base[:, :32])
    assert not narrow[:, 32:].any()
    with pytest.raises(ValueError, match="36"):
        fit_patch_embedding(torch.zeros(4, 36, 1, 2, 2), 68)


def test_timestep_is_rounded_to_bfloat16():
    times = torch.tensor([1000.0, 995.9266, 898.9, 513.1, 92.6, 0.3])
    rounded = rounded_timestep(times)
    assert rounded[0] == 1000
    assert all(value % 4 == 0 for value in rounded[:4].tolist())
    assert torch.equal(rounded_timestep(rounded), rounded)
    assert (rounded / times - 1).abs().max() < 2**-8


@torch.no_grad()
def test_rounding_happens_inside_the_network(wan):
    x, text, reference = inputs()
    network = build(wan, wan.weights())
    results = [network(x, torch.tensor([t]), text, reference).sample for t in (898.9, 900.0, 896.0)]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@torch.no_grad()
def test_bfloat16_stays_near_float32(wan):
    """Spec section 9: relative rms below 3 % with norms and modulation in float32."""
    state = wan.weights(layers=4)
    x, text, reference = inputs()
    network = build(wan, state, num_layers=4)
    exact = network(x, torch.tensor([500.0]), text, reference).sample
    half = build(wan, state, num_layers=4)
    for name, parameter in half.named_parameters():
        if not set(name.split(".")) & set(half._keep_in_fp32_modules):
            parameter.data = parameter.data.bfloat16()
    ours = half(x.bfloat16(), torch.tensor([500.0]), text.bfloat16(), reference.bfloat16()).sample
    assert ours.dtype == torch.bfloat16
    assert float((ours.float() - exact).square().mean().sqrt() / exact.square().mean().sqrt()) < 0.03


def test_wrong_shapes_are_refused(wan):
    network = build(wan, wan.weights())
    x, text, reference = inputs()
    with pytest.raises(ValueError, match="reference latent"):
        network(x, torch.tensor([1.0]), text, reference[..., :6])
    with pytest.raises(ValueError, match="GASA"):
        network(x, torch.tensor([1.0]), text, reference, gasa_layout=object())
    with pytest.raises(ValueError, match="no reference tokens"):
        Network(**wan.TINY, ref_in_channels=None)(x, torch.tensor([1.0]), text, reference)


def test_saved_and_loaded_by_diffusers(wan, tmp_path):
    network = build(wan, wan.weights())
    network.save_pretrained(tmp_path)
    again, report = Network.from_pretrained(tmp_path, output_loading_info=True)
    assert report["missing_keys"] == report["unexpected_keys"] == []
    assert again.config.in_channels == 68
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_gradient_checkpointing_gives_the_same_gradients(wan):
    x, text, reference = inputs()
    gradients = []
    for checkpointing in (False, True):
        network = build(wan, wan.weights()).train()
        if checkpointing:
            network.enable_gradient_checkpointing()
        network(x, torch.tensor([500.0]), text, reference).sample.square().mean().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters()})
    assert all(gradient is not None for gradient in gradients[0].values())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


class TestFullSize:
    """Counts of the specification's tables, on tensors without memory."""

    @pytest.fixture
    def network(self):
        with torch.device("meta"):
            return Network(gasa=True)

    def test_parameter_counts(self, network):
        count = {"gasa": 0, "ref_conv": 0, "rest": 0}
        for name, parameter in network.named_parameters():
            part = "gasa" if ".gasa." in name else "ref_conv" if name.startswith("ref_conv") else "rest"
            count[part] += parameter.numel()
        assert count["rest"] == 14_289_556_544
        assert count["ref_conv"] == 332_800
        gates = 40
        assert count["gasa"] == 40 * 4 * (5120**2 + 5120) + gates
        assert math.isclose(count["gasa"], 4.195e9, rel_tol=1e-4)
        assert sum(p.numel() for p in network.patch_embedding.parameters()) == 1_397_760

    def test_lora_of_the_release(self, network):
        from orbit_painter.backend.painters.orbitpainter.lora import is_trained

        targets = [m for name, m in network.named_modules() if is_trained(name)]
        assert len(targets) == 400
        assert sum(32 * (m.in_features + m.out_features) for m in targets) == 153_354_240

    def test_forward_shape_and_arithmetic(self, network):
        """One forward of workload A (2 x 61 frames at 512^2): 1.760 PFLOP (specs/inference-speed.md)."""
        from torch.utils.flop_counter import FlopCounterMode

        with torch.device("meta"):
            plain = Network(in_channels=48).to(torch.bfloat16)
            x = torch.empty(1, 48, 32, 64, 64, dtype=torch.bfloat16)
            text = torch.empty(1, 512, 4096, dtype=torch.bfloat16)
            reference = torch.empty(1, 16, 1, 64, 64, dtype=torch.bfloat16)
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                out = plain(x, torch.empty(1), text, reference).sample
        assert out.shape == (1, 16, 32, 64, 64)
        assert counter.get_total_flops() == pytest.approx(1.760e15, rel=2e-3)

    def test_rotary_split(self):
        from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed

        rope = WanRotaryPosEmbed(128, (1, 2, 2), 1024)
        assert (rope.t_dim, rope.h_dim, rope.w_dim) == (44, 42, 42)
        assert rope.freqs_cos.dtype == torch.float32
        expected = np.cos(1000 * 10000.0 ** (-np.arange(0, 44, 2) / 44))
        np.testing.assert_allclose(rope.freqs_cos[1000, :44:2].numpy(), expected, atol=1e-6)


def test_tokens_and_heads_are_divided_among_devices_or_refused(wan):
    from orbit_painter.backend.errors import InputError
    from orbit_painter.backend.painters.orbitpainter.context_parallel import check_split

    model = Network(in_channels=48, **wan.TINY)  # two heads
    check_split(model, torch.empty(1, 48, 3, 8, 8), 2)
    for frames, count in ((3, 3), (3, 4)):
        with pytest.raises(InputError, match="divided among"):
            check_split(model, torch.empty(1, 48, frames, 8, 8), count)

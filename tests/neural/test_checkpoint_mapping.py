"""Names: one to one, and equal to diffusers' own converters where those exist."""

import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.painters.orbitpainter.checkpoint_mapping import (  # noqa: E402
    of_image_branch,
    strip_prefixes,
    text_encoder_name,
    transformer_name,
    vae_name,
)
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402


def test_transformer_names_are_those_of_the_network(wan):
    state = wan.weights()
    named = [transformer_name(name) for name in state]
    network = OrbitWanTransformer3DModel(**wan.TINY)
    assert sorted(named) == sorted(network.state_dict())
    for name, given in zip(named, state, strict=True):
        assert network.state_dict()[name].shape == state[given].shape


def test_transformer_names_agree_with_diffusers(wan):
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    state = wan.weights()
    theirs = convert_wan_transformer_to_diffusers(dict(state))
    for name, value in state.items():
        assert theirs[transformer_name(name)] is value


def test_diffusers_names_pass_through_and_prefixes_go(wan):
    for name in OrbitWanTransformer3DModel(**wan.TINY, gasa=True).state_dict():
        assert transformer_name(name) == name
    for prefix in ("model.diffusion_model.", "pipe.dit.", "diffusion_model.", ""):
        assert transformer_name(f"{prefix}blocks.11.self_attn.o.bias") == "blocks.11.attn1.to_out.0.bias"
        assert strip_prefixes(f"{prefix}head.modulation") == "head.modulation"


def test_image_branch_is_recognised():
    for name in ("img_emb.proj.1.weight", "blocks.3.cross_attn.k_img.weight", "blocks.0.attn2.add_k_proj.bias"):
        assert of_image_branch(name)
    for name in ("patch_embedding.weight", "blocks.3.cross_attn.k.weight", "ref_conv.bias"):
        assert not of_image_branch(name)


def test_vae_names_agree_with_diffusers_and_with_the_model(wan):
    from diffusers import AutoencoderKLWan
    from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers

    with torch.device("meta"):
        vae = AutoencoderKLWan()
    assert sum(parameter.numel() for parameter in vae.parameters()) == 126_892_531
    names = list(vae.state_dict())
    original = [wan.original_vae_name(name) for name in names]
    assert len(set(original)) == len(names)
    assert "decoder.upsamples.14.residual.6.weight" in original
    assert "decoder.upsamples.7.resample.1.weight" in original
    assert "encoder.downsamples.10.residual.0.gamma" in original
    assert [vae_name(name) for name in original] == names
    assert [vae_name(f"model.{name}") for name in original] == names
    assert [vae_name(name) for name in names] == names
    theirs = convert_wan_vae_to_diffusers({name: name for name in original})
    assert {vae_name(name): name for name in original} == theirs


def test_text_encoder_names_are_those_of_the_model(wan):
    transformers = pytest.importorskip("transformers")
    config = transformers.UMT5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2)
    config.feed_forward_proj, config.is_gated_act, config.dense_act_fn = "gated-gelu", True, "gelu_new"
    names = {name for name in transformers.UMT5EncoderModel(config).state_dict() if "embed_tokens" not in name}
    original = {wan.original_text_name(name) for name in names}
    assert "blocks.1.pos_embedding.embedding.weight" in original
    assert all(re.match(r"(blocks\.\d+|token_embedding|norm)\.", name) for name in original)
    assert {text_encoder_name(name) for name in original} == names

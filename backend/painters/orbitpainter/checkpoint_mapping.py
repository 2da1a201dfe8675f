# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the original checkpoints -> names of diffusers and transformers (specs/checkpoint-mapping.md). No torch.

DiffSynth-Studio and VideoX-Fun use the original Wan names for the transformer. Names that are already diffusers' own
pass through unchanged, so one function reads both layouts.
"""

from __future__ import annotations

import re

# What programs put in front of the transformer's names; longest first.
PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.", "pipe.dit.")

_TRANSFORMER_RULES = (
    (r"^time_embedding\.0\.", "condition_embedder.time_embedder.linear_1."),
    (r"^time_embedding\.2\.", "condition_embedder.time_embedder.linear_2."),
    (r"^text_embedding\.0\.", "condition_embedder.text_embedder.linear_1."),
    (r"^text_embedding\.2\.", "condition_embedder.text_embedder.linear_2."),
    (r"^time_projection\.1\.", "condition_embedder.time_proj."),
    (r"^head\.head\.", "proj_out."),
    (r"^head\.modulation$", "scale_shift_table"),
    (r"^(blocks\.\d+)\.modulation$", r"\1.scale_shift_table"),
    (r"^(blocks\.\d+)\.norm3\.(?=weight|bias)", r"\1.norm2."),  # the affine one, before cross-attention
    (r"^(blocks\.\d+)\.ffn\.0\.", r"\1.ffn.net.0.proj."),
    (r"^(blocks\.\d+)\.ffn\.2\.", r"\1.ffn.net.2."),
    (r"^(blocks\.\d+)\.self_attn\.", r"\1.attn1."),
    (r"^(blocks\.\d+)\.cross_attn\.", r"\1.attn2."),
    (r"^(blocks\.\d+\.attn[12])\.([qkv])\.", r"\1.to_\2."),
    (r"^(blocks\.\d+\.attn[12])\.o\.", r"\1.to_out.0."),
)
# Wan 2.1's CLIP branch: not in a Wan 2.2 network.
_IMAGE_BRANCH = re.compile(
    r"(^img_emb\.|\.(k_img|v_img|norm_k_img)(\.|$)|image_embedder\.|\.(add_[kv]_proj|norm_added_k)\.)"
)

_VAE_RULES = (
    (r"^conv1\.", "quant_conv."),
    (r"^conv2\.", "post_quant_conv."),
    (r"^(encoder|decoder)\.conv1\.", r"\1.conv_in."),
    (r"^(encoder|decoder)\.head\.0\.", r"\1.norm_out."),
    (r"^(encoder|decoder)\.head\.2\.", r"\1.conv_out."),
    (r"^(encoder|decoder)\.middle\.0\.", r"\1.mid_block.resnets.0."),
    (r"^(encoder|decoder)\.middle\.1\.", r"\1.mid_block.attentions.0."),
    (r"^(encoder|decoder)\.middle\.2\.", r"\1.mid_block.resnets.1."),
    (r"^encoder\.downsamples\.", "encoder.down_blocks."),
    (r"\.residual\.0\.", ".norm1."),
    (r"\.residual\.2\.", ".conv1."),
    (r"\.residual\.3\.", ".norm2."),
    (r"\.residual\.6\.", ".conv2."),
    (r"\.shortcut\.", ".conv_shortcut."),
)
_VAE_UPSAMPLE = re.compile(r"^decoder\.upsamples\.(\d+)\.")

_TEXT_RULES = (
    (r"^token_embedding\.weight$", "shared.weight"),
    (r"^norm\.weight$", "encoder.final_layer_norm.weight"),
    (r"^blocks\.(\d+)\.norm1\.", r"encoder.block.\1.layer.0.layer_norm."),
    (r"^blocks\.(\d+)\.norm2\.", r"encoder.block.\1.layer.1.layer_norm."),
    (r"^blocks\.(\d+)\.attn\.([qkvo])\.", r"encoder.block.\1.layer.0.SelfAttention.\2."),
    (
        r"^blocks\.(\d+)\.pos_embedding\.embedding\.",
        r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias.",
    ),
    (r"^blocks\.(\d+)\.ffn\.gate\.0\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"^blocks\.(\d+)\.ffn\.fc1\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"^blocks\.(\d+)\.ffn\.fc2\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
)


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def strip_prefixes(name: str) -> str:
    """Remove what programs put in front of a transformer's parameter name."""
    while prefix := next((prefix for prefix in PREFIXES if name.startswith(prefix)), None):
        name = name.removeprefix(prefix)
    return name


def transformer_name(name: str) -> str:
    """Parameter name of an expert in diffusers' `WanTransformer3DModel`; `ref_conv` keeps its name."""
    return _rename(strip_prefixes(name), _TRANSFORMER_RULES)


def of_image_branch(name: str) -> bool:
    """Whether a name belongs to the CLIP branch of Wan 2.1, in either naming."""
    return _IMAGE_BRANCH.search(name) is not None


def vae_name(name: str) -> str:
    """Parameter name of the Wan 2.1 VAE in diffusers' `AutoencoderKLWan`."""
    name = _rename(name.removeprefix("model."), _VAE_RULES)
    match = _VAE_UPSAMPLE.match(name)
    if match is None:
        return name
    # Four levels of three residual blocks, an upsampler after each but the last: 0 1 2 [3] 4 5 6 [7] 8 9 10 [11] ...
    level, place = divmod(int(match[1]), 4)
    inner = f"resnets.{place}" if place < 3 else "upsamplers.0"
    return f"decoder.up_blocks.{level}.{inner}.{name[match.end() :]}"


def text_encoder_name(name: str) -> str:
    """Parameter name of the UMT5 encoder in transformers' `UMT5EncoderModel`."""
    return _rename(name, _TEXT_RULES)

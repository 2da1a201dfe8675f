"""Wan's transformer with reference tokens, written out from the specification in the original checkpoint's names.

Independent of the project and of diffusers: plain functions over a state dict, float64 where asked. Slow and short.
"""

import math

import torch
import torch.nn.functional as F

# A network of the release's shape in miniature.
TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "text_dim": 24,
    "freq_dim": 32,
    "ffn_dim": 48,
    "num_layers": 2,
}


def weights(seed=0, in_channels=68, layers=2, dim=32, ffn=48, text=24, freq=32, dtype=torch.float32):
    """Random weights under the names of the original checkpoint."""
    generator = torch.Generator().manual_seed(seed)

    def linear(name, rows, columns):
        shape = (rows, *columns) if isinstance(columns, tuple) else (rows, columns)
        fan_in = math.prod(shape[1:])
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / math.sqrt(fan_in)
        state[f"{name}.bias"] = 0.1 * torch.randn(rows, generator=generator)

    state = {}
    linear("patch_embedding", dim, (in_channels, 1, 2, 2))
    linear("ref_conv", dim, (16, 2, 2))
    linear("text_embedding.0", dim, text)
    linear("text_embedding.2", dim, dim)
    linear("time_embedding.0", dim, freq)
    linear("time_embedding.2", dim, dim)
    linear("time_projection.1", 6 * dim, dim)
    for n in range(layers):
        for attention in ("self_attn", "cross_attn"):
            for part in "qkvo":
                linear(f"blocks.{n}.{attention}.{part}", dim, dim)
            for part in "qk":
                state[f"blocks.{n}.{attention}.norm_{part}.weight"] = 1 + 0.1 * torch.randn(dim, generator=generator)
        state[f"blocks.{n}.norm3.weight"] = 1 + 0.1 * torch.randn(dim, generator=generator)
        state[f"blocks.{n}.norm3.bias"] = 0.1 * torch.randn(dim, generator=generator)
        linear(f"blocks.{n}.ffn.0", ffn, dim)
        linear(f"blocks.{n}.ffn.2", dim, ffn)
        state[f"blocks.{n}.modulation"] = 0.3 * torch.randn(1, 6, dim, generator=generator)
    linear("head.head", 64, dim)
    state["head.modulation"] = 0.3 * torch.randn(1, 2, dim, generator=generator)
    return {name: tensor.to(dtype) for name, tensor in state.items()}


def lora(seed=1, layers=2, dim=32, ffn=48, rank=4, in_channels=68, amount=0.3):
    """A file as OrbitPainter published it: LoRA pairs on ten matrices of each block, and the patch embedding."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    shapes = {f"{a}_attn.{p}": (dim, dim) for a in ("self", "cross") for p in "qkvo"}
    shapes |= {"ffn.0": (ffn, dim), "ffn.2": (dim, ffn)}
    for n in range(layers):
        for name, (rows, columns) in shapes.items():
            down = torch.randn(rank, columns, generator=generator) / math.sqrt(columns)
            state[f"blocks.{n}.{name}.lora_A.default.weight"] = down
            state[f"blocks.{n}.{name}.lora_B.default.weight"] = amount * torch.randn(rows, rank, generator=generator)
    state["patch_embedding.weight"] = torch.randn(dim, in_channels, 1, 2, 2, generator=generator) / 16
    state["patch_embedding.bias"] = 0.1 * torch.randn(dim, generator=generator)
    return state


def merged(base, addition):
    """base + LoRA at strength 1, patch embedding replaced."""
    state = dict(base)
    for name, tensor in addition.items():
        if name.startswith("patch_embedding"):
            state[name] = tensor
        elif "lora_B" in name:
            module = name.split(".lora_B")[0]
            down = addition[name.replace("lora_B", "lora_A")]
            state[f"{module}.weight"] = (base[f"{module}.weight"].double() + tensor.double() @ down.double()).float()
    return state


def _rotate(x, angles):
    """x (batch, tokens, heads, d); angles (tokens, d / 2): complex multiplication of neighbouring pairs."""
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)


def _angles(frames, rows, columns, d):
    spatial = 2 * (d // 6)
    axes = []
    for size, count in ((d - 2 * spatial, frames), (spatial, rows), (spatial, columns)):
        frequency = 10000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        axes.append(torch.arange(count, dtype=torch.float64)[:, None] * frequency)
    grid = torch.meshgrid(torch.arange(frames), torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.cat([axis[index.flatten()] for axis, index in zip(axes, grid, strict=True)], dim=-1)


def forward(state, x, timestep, text, reference=None, heads=2, kept=None):
    """x (1, channels, t, h, w); timestep: 1000 sigma as a float; text (1, n, width); reference (1, 16, 1, h, w).

    kept: bool (video tokens,): the others are left out of the sequence, and zero in the result.
    """
    state = {name: tensor.to(x.dtype) for name, tensor in state.items()}

    def linear(y, name):
        return F.linear(y, state[f"{name}.weight"], state[f"{name}.bias"])

    def rms(y, name):
        return y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-6) * state[f"{name}.weight"]

    def norm(y, weight=None, bias=None):
        return F.layer_norm(y, (y.shape[-1],), weight, bias, eps=1e-6)

    def attention(y, context, name, angles=None):
        q = rms(linear(y, f"{name}.q"), f"{name}.norm_q").unflatten(2, (heads, -1))
        k = rms(linear(context, f"{name}.k"), f"{name}.norm_k").unflatten(2, (heads, -1))
        v = linear(context, f"{name}.v").unflatten(2, (heads, -1))
        if angles is not None:
            q, k = _rotate(q, angles), _rotate(k, angles)
        score = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
        return linear(torch.einsum("bhqk,bkhd->bqhd", score.softmax(-1), v).flatten(2), f"{name}.o")

    _, _, frames, height, width = x.shape
    rows, columns = height // 2, width // 2
    y = F.conv3d(x, state["patch_embedding.weight"], state["patch_embedding.bias"], stride=(1, 2, 2))
    y = y.flatten(2).transpose(1, 2)
    dropped = 0
    if reference is not None:
        front = F.conv2d(reference[:, :, 0], state["ref_conv.weight"], state["ref_conv.bias"], stride=2)
        front = front.flatten(2).transpose(1, 2)
        dropped = front.shape[1]
        y = torch.cat([front, y], dim=1)
    angles = _angles(frames + (dropped > 0), rows, columns, y.shape[-1] // heads)

    if kept is not None:
        chosen = torch.cat([torch.ones(dropped, dtype=torch.bool), kept])
        y, angles = y[:, chosen], angles[chosen]

    freq = state["time_embedding.0.weight"].shape[1] // 2
    time = float(torch.tensor(timestep).bfloat16())
    phase = time * 10000.0 ** (-torch.arange(freq, dtype=torch.float64) / freq)
    embedding = torch.cat([phase.cos(), phase.sin()])[None].to(x.dtype)
    embedding = linear(F.silu(linear(embedding, "time_embedding.0")), "time_embedding.2")
    modulation = linear(F.silu(embedding), "time_projection.1").unflatten(1, (6, -1))
    text = linear(F.gelu(linear(text, "text_embedding.0"), approximate="tanh"), "text_embedding.2")

    for n in range(len({name.split(".")[1] for name in state if name.startswith("blocks.")})):
        block = f"blocks.{n}"
        shift, scale, gate, shift2, scale2, gate2 = (state[f"{block}.modulation"] + modulation).chunk(6, dim=1)
        z = norm(y) * (1 + scale) + shift
        y = y + gate * attention(z, z, f"{block}.self_attn", angles)
        z = norm(y, state[f"{block}.norm3.weight"], state[f"{block}.norm3.bias"])
        y = y + attention(z, text, f"{block}.cross_attn")
        z = norm(y) * (1 + scale2) + shift2
        y = y + gate2 * linear(F.gelu(linear(z, f"{block}.ffn.0"), approximate="tanh"), f"{block}.ffn.2")

    shift, scale = (state["head.modulation"] + embedding[:, None]).chunk(2, dim=1)
    y = linear(norm(y) * (1 + scale) + shift, "head.head")[:, dropped:]
    if kept is not None:
        y = torch.zeros(1, len(kept), y.shape[2], dtype=y.dtype).masked_scatter(kept[None, :, None], y)
    y = y.reshape(1, frames, rows, columns, 1, 2, 2, 16)
    return torch.einsum("bfrcpqsC->bCfprqcs", y).reshape(1, 16, frames, height, width)


def original_vae_name(name):
    """diffusers' name of a VAE parameter -> the name in Wan2.1_VAE.pth (table of checkpoint-mapping, section 4)."""
    inner = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6"}
    parts = name.split(".")
    if parts[0] in ("quant_conv", "post_quant_conv"):
        return ".".join([{"quant_conv": "conv1", "post_quant_conv": "conv2"}[parts[0]], *parts[1:]])
    side, room, rest = parts[0], parts[1], parts[2:]
    if room in ("conv_in", "norm_out", "conv_out"):
        return ".".join([side, {"conv_in": "conv1", "norm_out": "head.0", "conv_out": "head.2"}[room], *rest])
    if room == "mid_block" and rest[0] == "attentions":
        return ".".join([side, "middle.1", *rest[2:]])
    if room == "mid_block":
        return ".".join([side, "middle", str(2 * int(rest[1])), inner[rest[2]], *rest[3:]])
    if room == "down_blocks":
        place, tail = f"downsamples.{rest[0]}", rest[1:]
    elif rest[1] == "resnets":
        place, tail = f"upsamples.{4 * int(rest[0]) + int(rest[2])}", rest[3:]
    else:
        place, tail = f"upsamples.{4 * int(rest[0]) + 3}", rest[3:]
    tail = [inner.get(tail[0], {"conv_shortcut": "shortcut"}.get(tail[0], tail[0])), *tail[1:]]
    return ".".join([side, place, *tail])


def original_text_name(name):
    """transformers' name of a UMT5 encoder parameter -> the name in the published .pth (section 5)."""
    if name == "shared.weight":
        return "token_embedding.weight"
    if name == "encoder.final_layer_norm.weight":
        return "norm.weight"
    parts = name.split(".")
    block, layer, inner = parts[2], parts[4], ".".join(parts[5:-1])
    table = {
        ("0", "layer_norm"): "norm1",
        ("1", "layer_norm"): "norm2",
        ("0", "SelfAttention.relative_attention_bias"): "pos_embedding.embedding",
        ("1", "DenseReluDense.wi_0"): "ffn.gate.0",
        ("1", "DenseReluDense.wi_1"): "ffn.fc1",
        ("1", "DenseReluDense.wo"): "ffn.fc2",
    }
    return f"blocks.{block}.{table.get((layer, inner), inner.replace('SelfAttention', 'attn'))}.weight"

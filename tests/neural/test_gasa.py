"""Geometry-aware sparse attention: token positions, structure, equality of all ways, properties."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from orbit_painter.backend.orbits.cameras import orbit_cameras  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import gasa_kernels as kernels  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.attention_reference import dense_attention, key_mask  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.gasa import RotaryAndLayout  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.gasa_layout import build_layout, morton_code  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.gasa_tokens import (  # noqa: E402
    GasaOptions,
    TokenGeometry,
    standing_frames,
    token_geometry,
    token_positions,
    tokens_to_keep,
    voxels_of,
)
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402


def random_geometry(seed, frames=4, rows=5, columns=6, grid=64, foreground=0.6):
    random = np.random.default_rng(seed)
    voxel = random.integers(0, grid, (frames, rows, columns, 3)).astype(np.int32)
    return TokenGeometry(voxel, random.random((frames, rows, columns)) < foreground)


def sphere_pass(camera, radius=0.45):
    """Position and mask of a sphere about the origin."""
    origin, direction = camera.rays()
    b = (origin * direction).sum(-1)
    root = b**2 - (origin**2).sum(-1) + radius**2
    mask = root > 0
    return origin + direction * (-b - np.sqrt(np.maximum(root, 0)))[..., None], mask


def brute_force(geometry, options):
    """The key mask by the definition, one pair at a time."""
    frames, rows, columns = geometry.foreground.shape
    index = [(f, r, c) for f in range(frames) for r in range(rows) for c in range(columns)]
    mask = np.zeros((len(index), len(index)), bool)
    for i, a in enumerate(index):
        for j, b in enumerate(index):
            if geometry.foreground[a] and geometry.foreground[b] and (options.same_frame or a[0] != b[0]):
                mask[i, j] = max(
                    abs(int(x) - int(y)) for x, y in zip(geometry.voxel[a], geometry.voxel[b], strict=True)
                ) <= (options.radius)
    return mask


# Token positions ------------------------------------------------------------------------------------------------


def test_standing_frames_are_the_first_and_the_third_of_each_four():
    assert standing_frames(1).tolist() == [0]
    assert standing_frames(16).tolist() == [0, *range(3, 60, 4)]


def test_token_position_is_the_mean_of_the_foreground():
    random = np.random.default_rng(0)
    position = random.random((32, 48, 3)).astype(np.float32) - 0.5
    mask = random.random((32, 48)) < 0.3
    mask[:16, :16] = False
    mask[3, 4:7] = True  # three pixels: background
    mask[16:, 32:] = False
    mask[20, 33:37] = True  # four: foreground
    points, foreground = token_positions(position, mask, 2, 3)
    assert foreground.tolist() == [[False, True, True], [True, True, True]]
    for row in range(2):
        for column in range(3):
            patch = (slice(16 * row, 16 * row + 16), slice(16 * column, 16 * column + 16))
            mean = position[patch][mask[patch]].astype(np.float64).mean(axis=0)
            if foreground[row, column]:
                np.testing.assert_allclose(points[row, column], mean, atol=1e-6)
            else:
                assert not points[row, column].any()


def test_larger_passes_have_the_same_background():
    mask = np.zeros((32, 32), bool)
    mask[3, 4:7] = mask[20, 20:24] = True
    position = np.zeros((32, 32, 3))
    _, once = token_positions(position, mask, 2, 2)
    double = mask.repeat(2, axis=0).repeat(2, axis=1)
    _, twice = token_positions(np.zeros((64, 64, 3)), double, 2, 2)
    assert once.tolist() == twice.tolist() == [[False, False], [False, True]]


def test_voxels_cover_the_cube():
    assert voxels_of(np.array([-0.5, 0.0, 0.5]), 64).tolist() == [0, 32, 63]
    assert voxels_of(np.array([-0.6, 0.4999, 0.7]), 64).tolist() == [0, 63, 63]


def test_a_grid_that_does_not_divide_the_frame_is_refused():
    with pytest.raises(ValueError, match="patches"):
        token_positions(np.zeros((30, 32, 3)), np.ones((30, 32), bool), 4, 4)


def test_key_sets_of_a_sphere_are_as_the_specification_measured():
    """Two orbits of 61 frames: 71-73 keys on average at grid 64 (spec section 12), 49-65 % foreground."""
    size = 128  # a quarter of 512: the same 32 x 32 tokens of patches 4 pixels wide
    views = [orbit_cameras(orbit, 61, size)[frame] for orbit in "HV" for frame in standing_frames(16)]
    geometry = token_geometry((sphere_pass(camera, 0.5) for camera in views), 32, 32)
    assert 0.45 < geometry.foreground.mean() < 0.75
    layout = build_layout(geometry)
    assert 60 < layout.pairs / geometry.foreground.sum() < 90
    blocks = len(layout.first_of_block) - 1
    assert len(layout.key_blocks) / blocks**2 < 0.25  # the Morton order makes it sparse by blocks too


@pytest.mark.parametrize("margin", [0, 1, 2])
def test_tokens_to_keep(margin):
    geometry = random_geometry(2, 3, 9, 11, foreground=0.03)
    kept = tokens_to_keep(geometry, margin, register_every=0)
    places = np.argwhere(geometry.foreground)
    expected = [
        index
        for index, (f, r, c) in enumerate(np.ndindex(3, 9, 11))
        if any(f == p[0] and max(abs(r - p[1]), abs(c - p[2])) <= margin for p in places)
    ]
    assert kept.tolist() == expected
    with_registers = tokens_to_keep(geometry, margin, register_every=10)
    assert set(kept) < set(with_registers)
    assert len(with_registers) - len(kept) == -(-(geometry.foreground.size - len(kept)) // 10)


# Structure ------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1))
def test_morton_code_interleaves_bits(x, y, z):
    expected = sum((value >> bit & 1) << (3 * bit + axis) for axis, value in enumerate((x, y, z)) for bit in range(20))
    assert int(morton_code(np.array([x, y, z]))) == expected


@pytest.mark.parametrize(
    "options", [GasaOptions(grid=8, radius=1), GasaOptions(8, 0, 4, True), GasaOptions(8, 2, 4, True)]
)
def test_reference_mask_follows_the_definition(options):
    geometry = random_geometry(3, 3, 4, 4, grid=8)
    mask = key_mask(geometry, options)
    assert mask.any()
    assert np.array_equal(mask, brute_force(geometry, options))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([4, 16, 64]), st.integers(0, 4), st.booleans())
def test_layout_holds_exactly_the_pairs_of_the_reference(seed, frames, grid, radius, same_frame):
    options = GasaOptions(grid, radius, same_frame=same_frame)
    geometry = random_geometry(seed, frames, grid=grid)
    mask = key_mask(geometry, options)
    layout = build_layout(geometry, options, block=16)
    active = np.flatnonzero(mask.any(axis=1))
    assert sorted(layout.tokens.tolist()) == active.tolist()
    assert layout.pairs == mask.sum()
    order = layout.tokens.numpy()
    sorted_mask = mask[np.ix_(order, order)]
    index = torch.arange(len(order))
    if len(order):
        assert np.array_equal(layout.allowed(index[:, None], index[None]).numpy(), sorted_mask)
    blocks = len(layout.first_of_block) - 1
    assert blocks == -(-len(order) // 16)
    for row in range(blocks):
        listed = layout.key_blocks[layout.first_of_block[row] : layout.first_of_block[row + 1]].tolist()
        occupied = [
            column
            for column in range(blocks)
            if sorted_mask[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].any()
        ]
        assert listed == occupied


def test_keys_are_in_other_frames_and_within_the_radius():
    geometry = random_geometry(1, grid=12)
    layout = build_layout(geometry, GasaOptions(grid=12))
    index = torch.arange(len(layout.tokens))
    query, key = torch.nonzero(layout.allowed(index[:, None], index[None]), as_tuple=True)
    assert len(query) > 100
    assert (layout.frame[query] != layout.frame[key]).all()
    assert (layout.voxel[query] - layout.voxel[key]).abs().amax(dim=1).max() == 3
    assert geometry.foreground.ravel()[layout.tokens.numpy()].all()


# All ways are equal ---------------------------------------------------------------------------------------------


def qkv(tokens, heads=2, width=16, seed=0, batch=2):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, tokens, heads, width, generator=generator) for _ in range(3)]


def scattered(out, layout, tokens):
    full = torch.zeros(out.shape[0], tokens, *out.shape[2:])
    full[:, layout.tokens] = out
    return full


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("same_frame", [False, True])
def test_chunked_equals_dense(seed, same_frame):
    options = GasaOptions(16, 2, same_frame=same_frame)
    geometry = random_geometry(seed, grid=16)
    layout = build_layout(geometry, options, block=16)
    q, k, v = qkv(geometry.foreground.size, seed=seed)
    expected = dense_attention(q, k, v, key_mask(geometry, options))
    out = kernels.chunked_attention(q[:, layout.tokens], k[:, layout.tokens], v[:, layout.tokens], layout)
    torch.testing.assert_close(scattered(out, layout, q.shape[1]), expected, atol=2e-6, rtol=0)
    silent = ~key_mask(geometry, options).any(axis=1)
    assert silent.any()
    assert not expected[:, torch.from_numpy(silent)].any()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None and shutil.which("clang++") is None, reason="needs a C++ compiler")
def test_flex_equals_dense():
    """Compiled, because uncompiled FlexAttention ignores the blocks."""
    geometry = random_geometry(5, 4, 12, 14, grid=24)
    options = GasaOptions(24, 3)
    layout = build_layout(geometry, options)
    blocks = len(layout.first_of_block) - 1
    assert len(layout.tokens) % layout.block  # the last block is not full
    q, k, v = qkv(geometry.foreground.size, seed=2)
    with torch.no_grad():
        out = kernels.flex_attention(q[:, layout.tokens], k[:, layout.tokens], v[:, layout.tokens], layout)
    expected = dense_attention(q, k, v, key_mask(geometry, options))
    torch.testing.assert_close(scattered(out, layout, q.shape[1]), expected, atol=2e-6, rtol=0)
    assert blocks > 2


def test_flex_blocks_left_out_have_no_pair_and_the_mask_agrees():
    from torch.nn.attention.flex_attention import create_mask

    geometry = random_geometry(6, 6, 12, 14, grid=64)
    layout = build_layout(geometry, GasaOptions(64, 4), block=32)
    mask = layout.block_mask
    size, count = layout.padded, len(layout.tokens)
    assert size == 1024 > count  # 6 x 12 x 14 tokens in whole blocks
    index = torch.arange(count)
    pairs = layout.allowed(index[:, None], index[None])
    dense = create_mask(mask.mask_mod, None, None, size, size, device="cpu")[0, 0]
    assert torch.equal(dense[:count, :count], pairs)
    assert not dense[:count, count:].any()
    occupied = mask.to_dense()[0, 0].bool()
    assert not occupied.all()
    for row, column in zip(*np.nonzero(~occupied.numpy()), strict=True):
        assert not dense[:count][32 * row : 32 * row + 32, 32 * column : 32 * column + 32].any()


def test_chunked_has_the_gradients_of_dense():
    options = GasaOptions(12, 2)
    geometry = random_geometry(8, grid=12)
    layout = build_layout(geometry, options, block=16)
    weight = torch.randn(2, geometry.foreground.size, 2, 16, generator=torch.Generator().manual_seed(1))
    gradients = []
    for way in ("dense", "chunked"):
        q, k, v = (x.requires_grad_() for x in qkv(geometry.foreground.size))
        if way == "dense":
            out = dense_attention(q, k, v, key_mask(geometry, options))
        else:
            part = kernels.chunked_attention(q[:, layout.tokens], k[:, layout.tokens], v[:, layout.tokens], layout)
            out = torch.zeros_like(weight).index_copy(1, layout.tokens, part)
        (out * weight).sum().backward()
        gradients.append((q.grad, k.grad, v.grad))
    for ours, expected in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(ours, expected, atol=5e-6, rtol=0)


# In the network -------------------------------------------------------------------------------------------------


def network(wan, seed=0, gate=None, **config):
    torch.manual_seed(seed)
    model = OrbitWanTransformer3DModel(**wan.TINY, gasa=True, gasa_grid=12, **config)
    model.copy_gasa_from_full_attention()
    if gate is not None:
        for block in model.blocks:
            torch.nn.init.constant_(block.attn1.gasa.gate, gate)
    return model.eval()


def inputs(frames=4, rows=3, columns=4):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 68, frames, 2 * rows, 2 * columns, generator=generator)
    reference = torch.randn(1, 16, 1, 2 * rows, 2 * columns, generator=generator)
    return x, torch.tensor([700.0]), torch.randn(1, 5, 24, generator=generator), reference


def layout_of(model, seed=0, frames=4, rows=3, columns=4):
    geometry = random_geometry(seed, frames, rows, columns, grid=model.config.gasa_grid)
    return geometry, build_layout(geometry, model.gasa_options, block=16)


@torch.no_grad()
@pytest.mark.parametrize("projections", ["own", "output"])
def test_zero_gate_changes_nothing(wan, projections):
    model = network(wan, gasa_projections=projections)
    plain = OrbitWanTransformer3DModel(**wan.TINY)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if ".gasa." not in name})
    _, layout = layout_of(model)
    assert torch.equal(model(*inputs(), gasa_layout=layout).sample, plain.eval()(*inputs()).sample)


@torch.no_grad()
@pytest.mark.parametrize("projections", ["own", "output"])
def test_block_equals_full_attention_plus_gated_dense_gasa(wan, projections):
    """The module against the definition with dense attention, reference tokens in front."""
    model = network(wan, gate=0.7, gasa_projections=projections)
    attn = model.blocks[0].attn1
    geometry, layout = layout_of(model)
    video, front = geometry.foreground.size, 12
    generator = torch.Generator().manual_seed(1)
    for parameter in attn.gasa.parameters():
        if parameter.ndim > 1:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    x = torch.randn(2, front + video, 32, generator=generator)
    cos, sin = model.rope(torch.empty(1, 1, 5, 6, 8))
    out = attn(x, None, None, RotaryAndLayout.of(cos, sin, layout, layout.tokens + front, "chunked"))
    full = attn(x, None, None, (cos, sin))

    def rotated(y):
        angle = torch.atan2(sin, cos)[0, :, 0, ::2]
        pairs = torch.view_as_complex(y.unflatten(-1, (2, 8, 2)).contiguous())
        return torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)[:, None]).flatten(-2)

    owner = attn.gasa if projections == "own" else attn
    q, k = rotated(attn.norm_q(owner.to_q(x))), rotated(attn.norm_k(owner.to_k(x)))
    q, k, v = (y[:, front:] for y in (q, k, owner.to_v(x).unflatten(2, (2, 16))))
    mask = key_mask(geometry, model.gasa_options)
    gasa = attn.gasa.to_out(dense_attention(q, k, v, mask).flatten(2))
    gasa[:, ~torch.from_numpy(mask.any(axis=1))] = 0
    assert gasa.abs().max() > 0.1
    torch.testing.assert_close(out[:, front:], full[:, front:] + 0.7 * gasa, atol=5e-6, rtol=0)
    assert torch.equal(out[:, :front], full[:, :front])


@torch.no_grad()
def test_permuting_frames_permutes_the_output(wan):
    """Of GASA alone, the rotary angles travelling with their frames."""
    model = network(wan, gate=1.0)
    attn = model.blocks[0].attn1
    geometry, layout = layout_of(model)
    x = torch.randn(1, geometry.foreground.size, 32, generator=torch.Generator().manual_seed(4))
    cos, sin = model.rope(torch.empty(1, 1, 4, 6, 8))
    out = attn.gasa(attn, x, RotaryAndLayout.of(cos, sin, layout, layout.tokens, "chunked"))

    order = np.array([2, 0, 3, 1])
    moved = TokenGeometry(geometry.voxel[order], geometry.foreground[order])
    place = torch.from_numpy((order[:, None] * 12 + np.arange(12)).ravel())
    other = build_layout(moved, model.gasa_options, block=16)
    rotary = RotaryAndLayout.of(cos[:, place], sin[:, place], other, other.tokens, "chunked")
    assert out.abs().max() > 0.05
    torch.testing.assert_close(attn.gasa(attn, x[:, place], rotary), out[:, place], atol=2e-6, rtol=0)


@torch.no_grad()
def test_tokens_far_away_do_not_matter_and_near_ones_do(wan):
    model = network(wan, gate=1.0)
    attn = model.blocks[0].attn1
    geometry, layout = layout_of(model)
    mask = key_mask(geometry, model.gasa_options)
    x = torch.randn(1, geometry.foreground.size, 32, generator=torch.Generator().manual_seed(4))
    cos, sin = model.rope(torch.empty(1, 1, 4, 6, 8))
    rotary = RotaryAndLayout.of(cos, sin, layout, layout.tokens, "chunked")
    before = attn.gasa(attn, x, rotary)
    changed = int(mask.sum(axis=0).argmax())
    x[:, changed] += 1
    difference = (attn.gasa(attn, x, rotary) - before).abs().amax(dim=-1)[0] > 0
    expected = mask[:, changed].copy()
    expected[changed] = True  # as a query
    assert np.array_equal(difference.numpy(), expected)


def test_gradients_flow_to_every_part(wan):
    model = network(wan).train()
    _, layout = layout_of(model)
    model(*inputs(), gasa_layout=layout).sample.square().mean().backward()
    for block in model.blocks:  # the gate is zero: it alone gets a gradient
        assert block.attn1.gasa.gate.grad.abs() > 0
        assert not block.attn1.gasa.to_v.weight.grad.any()
    model = network(wan, gate=0.1).train()
    model(*inputs(), gasa_layout=layout).sample.square().mean().backward()
    for block in model.blocks:
        for name, parameter in block.attn1.gasa.named_parameters():
            assert parameter.grad.abs().max() > 0 or name == "to_k.bias", name


@torch.no_grad()
def test_no_active_token_is_full_attention(wan):
    model = network(wan, gate=1.0)
    geometry, _ = layout_of(model)
    empty = build_layout(replace(geometry, foreground=np.zeros_like(geometry.foreground)), model.gasa_options)
    assert empty.pairs == len(empty.tokens) == 0
    plain = network(wan)
    _, layout = layout_of(model)
    assert torch.equal(model(*inputs(), gasa_layout=empty).sample, plain(*inputs(), gasa_layout=layout).sample)


def test_a_layout_is_wanted_and_must_fit(wan):
    model = network(wan)
    with pytest.raises(ValueError, match="gasa_layout must be given"):
        model(*inputs())
    _, layout = layout_of(model, frames=3)
    with pytest.raises(ValueError, match="GASA layout"):
        model(*inputs(), gasa_layout=layout)


def test_options_travel_with_the_weights(wan, tmp_path):
    model = network(wan, gate=0.25, gasa_radius=2, gasa_projections="output")
    model.save_pretrained(tmp_path)
    again = OrbitWanTransformer3DModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    assert again.gasa_options == GasaOptions(12, 2, 4, False)
    gate = again.blocks[1].attn1.gasa.gate
    assert gate.dtype == torch.float32
    assert gate.item() == 0.25


@torch.no_grad()
def test_dropped_background_does_not_disturb_gasa(wan):
    model = network(wan, gate=0.5)
    geometry, layout = layout_of(model)
    foreground = torch.from_numpy(np.flatnonzero(geometry.foreground))
    options = {"gasa_layout": layout, "kept_tokens": foreground}
    out = model(*inputs(), **options).sample
    for block in model.blocks:  # a GASA that is not there gives other values, and the dropped tokens stay zero
        torch.nn.init.zeros_(block.attn1.gasa.gate)
    without = model(*inputs(), **options).sample
    pixels = torch.from_numpy(geometry.foreground.repeat(2, axis=1).repeat(2, axis=2))
    assert not out[0, :, ~pixels].any()
    assert (out - without)[0, :, pixels].abs().max() > 1e-4
    with pytest.raises(ValueError, match="dropped"):
        model(*inputs(), gasa_layout=layout, kept_tokens=foreground[5:])


@torch.no_grad()
@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_offloading_changes_nothing(wan, kind):
    model = network(wan, gate=0.5)
    _, layout = layout_of(model)
    plain = model(*inputs(), gasa_layout=layout).sample
    cpu = torch.device("cpu")
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    model.enable_group_offload(cpu, cpu, offload_type=kind, **blocks)
    assert torch.equal(model(*inputs(), gasa_layout=layout).sample, plain)
    assert layout.to("cpu") is layout


@torch.no_grad()
def test_step_cache_runs_and_can_be_switched_off(wan):
    from diffusers import FirstBlockCacheConfig

    model = network(wan, gate=0.5)
    _, layout = layout_of(model)
    plain = model(*inputs(), gasa_layout=layout).sample
    model.enable_cache(FirstBlockCacheConfig(threshold=10.0))
    with model.cache_context("cond"):
        first = model(*inputs(), gasa_layout=layout).sample
        x, _, *rest = inputs()
        second = model(x, torch.tensor([100.0]), *rest, gasa_layout=layout).sample
    assert torch.equal(first, plain)
    model.disable_cache()
    exact = model(x, torch.tensor([100.0]), *rest, gasa_layout=layout).sample
    assert not torch.equal(second, exact)  # the cache was used
    assert torch.equal(model(*inputs(), gasa_layout=layout).sample, plain)


@torch.no_grad()
def test_fp8_storage_spares_what_it_must(wan):
    model = network(wan, gate=0.5)
    _, layout = layout_of(model)
    plain = model(*inputs(), gasa_layout=layout).sample
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    for name, parameter in model.named_parameters():
        kept = ("patch_embedding", "condition_embedder", "norm", "ref_conv", "proj_out", "gate", "scale_shift_table")
        assert (parameter.dtype == torch.float32) == any(part in name for part in kept)
    out = model(*inputs(), gasa_layout=layout).sample
    error = (out - plain).square().mean().sqrt() / plain.square().mean().sqrt()
    assert 0 < error < 0.05


@torch.no_grad()
@pytest.mark.parametrize(("backend", "fullgraph"), [("chunked", False), ("flex", True)])
def test_repeated_blocks_compile_with_a_layout(wan, backend, fullgraph):
    """The eager backend checks what can be captured; with FlexAttention that is a whole block in one graph."""
    model = network(wan, gate=0.5)
    _, layout = layout_of(model)
    plain = model(*inputs(), gasa_layout=layout, gasa_backend="chunked").sample
    model.compile_repeated_blocks(fullgraph=fullgraph, backend="eager")
    compiled = model(*inputs(), gasa_layout=layout, gasa_backend=backend).sample
    torch.testing.assert_close(compiled, plain, atol=1e-6, rtol=0)

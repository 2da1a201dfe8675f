# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts an image or a colour attribute in front of the colour of a material's shaders, and takes it away again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy

from . import compat

FRAME = "Orbit Painter"  # name of the frame around our nodes
MARK = "orbit_painter"  # custom property of that frame: version of the node layout
LAYOUT = 1

# Shaders whose colour is the surface's own, best first; only shaders of the first kind that is found are fed.
_KINDS = (("BSDF_PRINCIPLED",), ("BSDF_DIFFUSE", "BSDF_TOON", "SUBSURFACE_SCATTERING"), ("EMISSION",))
_COLOUR = {"BSDF_PRINCIPLED": "Base Color"}  # identifier of the input; "Color" where not given

Path = tuple[str, ...]  # names of nodes: group nodes from the outside in, then the shader


@dataclass(frozen=True)
class Picture:
    """An image, placed by a UV map."""

    image: bpy.types.Image
    uv_map: str


@dataclass(frozen=True)
class Attribute:
    """A colour attribute of the mesh."""

    name: str


Source = Picture | Attribute  # where a colour comes from


@dataclass(frozen=True)
class NodeEdit:
    """What `feed_in_place` did to a material: names of the nodes added, links replaced, the node that was active.

    links: (node, output, node, input), sockets by index
    """

    nodes: tuple[str, ...]
    links: tuple[tuple[str, int, str, int], ...]
    active: str


def feed_colour(material: bpy.types.Material, source: Source) -> tuple[list[bpy.types.NodeTree], bool]:
    """Feed the colour of all shaders that make up the surface from `source`; all else stays.

    `material` is our own copy. Shaders inside node groups are reached by giving the material copies of these groups.
    A material without such a shader gets a new Principled BSDF. Returns the copied groups, and whether the surface
    had to be replaced.
    """
    tree = _tree(material)
    found = _shaders(tree)
    if not found:
        found, replaced = [_new_surface(tree)], True
    else:
        replaced = False
    copies: dict[Path, Any] = {(): tree}
    for path in found:
        for depth in range(1, len(path)):
            if path[:depth] not in copies:
                group: Any = copies[path[: depth - 1]].nodes[path[depth - 1]]
                group.node_tree = group.node_tree.copy()
                copies[path[:depth]] = group.node_tree
    for groups, inner in copies.items():
        names = [path[-1] for path in found if path[:-1] == groups]
        if names:
            _feed(inner, names, source)
        _remove_unused_frames(inner)
    return [inner for groups, inner in copies.items() if groups], replaced


def can_feed_in_place(material: bpy.types.Material) -> bool:
    """The shaders lie in the material's own tree, so nothing else would change."""
    tree: Any = material.node_tree
    found = _shaders(tree) if tree is not None and compat.uses_nodes(material) else []
    return bool(found) and all(len(path) == 1 for path in found)


def feed_in_place(material: bpy.types.Material, source: Source) -> NodeEdit:
    """The same on the artist's material itself, for `undo_feed`. Needs `can_feed_in_place`."""
    tree = _tree(material)
    names = [path[-1] for path in _shaders(tree)]
    links = []
    for name in names:
        target = _colour_input(tree.nodes[name])
        for link in target.links:
            output = _index(link.from_node.outputs, link.from_socket)
            links.append((link.from_node.name, output, name, _index(tree.nodes[name].inputs, target)))
    active = tree.nodes.active.name if tree.nodes.active else ""
    added = _feed(tree, names, source)
    return NodeEdit(tuple(added), tuple(links), active)


def undo_feed(material: bpy.types.Material, edit: NodeEdit) -> None:
    """Take our nodes out again and put the links back. Nodes that are gone since are passed over."""
    tree = _tree(material)
    if not any(name in tree.nodes for name in edit.nodes):
        return
    for name in edit.nodes:
        if name in tree.nodes:
            tree.nodes.remove(tree.nodes[name])
    for source, output, target, number in edit.links:
        if source in tree.nodes and target in tree.nodes:
            tree.links.new(tree.nodes[source].outputs[output], tree.nodes[target].inputs[number])
    if edit.active in tree.nodes:
        tree.nodes.active = tree.nodes[edit.active]


def shown_source(material: bpy.types.Material) -> Source | None:
    """What our nodes feed to all the shaders of the material; None if they do not, or if a group that others use too
    lies between, so that `change_source` would change more than this material."""
    found = _our_nodes(material)
    if not found:
        return None
    first = found[0]
    if first.type == "TEX_IMAGE":
        (uv,) = [link.from_node for link in first.inputs["Vector"].links] or [None]
        return Picture(first.image, uv.uv_map) if first.image is not None and uv is not None else None
    return Attribute(first.layer_name)


def change_source(material: bpy.types.Material, source: Source) -> None:
    """Let our nodes show another source of the kind that they show now (`shown_source`); all else stays."""
    for node in _our_nodes(material):
        if isinstance(source, Picture):
            node.image = source.image
            for link in node.inputs["Vector"].links:
                link.from_node.uv_map = source.uv_map
        else:
            node.layer_name = source.name


def _our_nodes(material: bpy.types.Material) -> list[Any]:
    """The nodes of ours that the colours come from: one kind, one for each tree. Empty if any shader has another."""
    top: Any = material.node_tree
    if top is None or not compat.uses_nodes(material):
        return []
    found: dict[Any, None] = {}
    for path in _shaders(top):
        tree = top
        for name in path[:-1]:
            tree = tree.nodes[name].node_tree
            if tree.users > 1 or tree.library is not None:
                return []
        links = _colour_input(tree.nodes[path[-1]]).links
        node = links[0].from_node if links else None
        if node is None or node.parent is None or MARK not in node.parent:
            return []
        found[node] = None
    return list(found) if len({node.type for node in found}) == 1 else []


def new_material(name: str) -> bpy.types.Material:
    """A material with a Principled BSDF of default settings."""
    material = bpy.data.materials.new(name)
    tree = _tree(material)
    if not _shaders(tree):
        _new_surface(tree)
    return material


def make_unlit(material: bpy.types.Material, opaque: bool = False) -> None:
    """Turn our own copy of a material into one that shows its colour without any light, and its transparency unless
    that is to be `opaque`."""
    tree = _tree(material)
    paths = _shaders(tree)
    outputs = _outputs(tree) or [tree.nodes.new("ShaderNodeOutputMaterial")]
    emission, clear, mix = (tree.nodes.new(f"ShaderNode{k}") for k in ("Emission", "BsdfTransparent", "MixShader"))
    mix.inputs[0].default_value = 1.0
    if paths and len(paths[0]) == 1:
        shader = tree.nodes[paths[0][0]]
        _same_input(tree, _colour_input(shader), emission.inputs["Color"])
        if shader.type == "BSDF_PRINCIPLED" and not opaque:
            _same_input(tree, compat.socket(shader.inputs, "Alpha"), mix.inputs[0])
    else:
        emission.inputs["Color"].default_value = material.diffuse_color
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(emission.outputs[0], mix.inputs[2])
    for output in outputs:
        for name in ("Volume", "Displacement"):
            for link in list(output.inputs[name].links):
                tree.links.remove(link)
        tree.links.new(mix.outputs[0], compat.socket(output.inputs, "Surface"))


def _same_input(tree: Any, source: Any, target: Any) -> None:
    """Give `target` what `source` gets."""
    if source.links:
        tree.links.new(source.links[0].from_socket, target)
    else:
        target.default_value = source.default_value


def _tree(material: bpy.types.Material) -> Any:
    """The material's tree. One that was drawn without nodes gets a Principled BSDF with its simple settings."""
    simple = not compat.uses_nodes(material)
    compat.enable_nodes(material)
    tree: Any = material.node_tree
    if simple:
        for path in _shaders(tree):
            shader = tree.nodes[path[-1]]
            if len(path) == 1 and shader.type == "BSDF_PRINCIPLED":
                for name in ("Metallic", "Roughness"):
                    value: Any = compat.socket(shader.inputs, name)
                    value.default_value = getattr(material, name.lower())
    return tree


# Finding shaders


def _shaders(tree: Any) -> list[Path]:
    """The shaders to feed: those of the best kind among all that the output depends on."""
    for kinds in _KINDS:
        if found := list(_upstream(tree, kinds)):
            return found
    return []


def _upstream(tree: Any, kinds: Sequence[str]) -> Iterator[Path]:
    waiting = _ends(tree)
    seen = set()
    while waiting:
        node = waiting.pop()
        if node.name in seen or node.mute:
            continue
        seen.add(node.name)
        if node.type in kinds:
            yield (node.name,)
        elif node.type == "GROUP" and node.node_tree is not None:
            for path in _upstream(node.node_tree, kinds):
                yield (node.name, *path)
        waiting += [link.from_node for socket in node.inputs for link in socket.links]


def _ends(tree: Any) -> list[Any]:
    """The nodes that the surface comes from: what feeds a material's outputs, or the output of a group."""
    outputs = _outputs(tree)
    if outputs:
        return [link.from_node for node in outputs for link in node.inputs["Surface"].links]
    return [node for node in tree.nodes if node.type == "GROUP_OUTPUT" and node.is_active_output]


def _outputs(tree: Any) -> list[Any]:
    """The material outputs that the render engines use."""
    found = []
    for engine in ("ALL", "CYCLES", "EEVEE"):
        node = tree.get_output_node(engine)
        if node is not None and node not in found:
            found.append(node)
    return found


def _colour_input(node: Any) -> Any:
    return compat.socket(node.inputs, _COLOUR.get(node.type, "Color"))


def _index(sockets: Any, wanted: Any) -> int:
    return next(i for i, socket in enumerate(sockets) if socket == wanted)


# Changing trees


def _new_surface(tree: Any) -> Path:
    """A Principled BSDF on all outputs."""
    outputs = _outputs(tree) or [tree.nodes.new("ShaderNodeOutputMaterial")]
    shader = tree.nodes.new("ShaderNodeBsdfPrincipled")
    shader.location = outputs[0].location.x - 300, outputs[0].location.y
    for output in outputs:
        tree.links.new(compat.socket(shader.outputs, "BSDF"), compat.socket(output.inputs, "Surface"))
    return (shader.name,)


def _feed(tree: Any, names: Sequence[str], source: Source) -> list[str]:
    """Add our frame with the source and connect it to the colours of these shaders; the names of the new nodes."""
    frame = tree.nodes.new("NodeFrame")
    frame.name = frame.label = FRAME
    frame[MARK] = LAYOUT
    colour, *others = _picture_nodes(tree, source) if isinstance(source, Picture) else [_attribute_node(tree, source)]
    place = tree.nodes[names[0]].location
    for column, node in enumerate((colour, *others)):
        node.location = place.x - 600 - 200 * column, place.y + 300
        node.parent = frame
        node.select = False
    frame.select = False
    for name in names:
        tree.links.new(compat.socket(colour.outputs, "Color"), _colour_input(tree.nodes[name]))
    tree.nodes.active = colour  # what Solid shading shows as "Texture" and Texture Paint paints on
    return [node.name for node in (colour, *others, frame)]


def _picture_nodes(tree: Any, source: Picture) -> list[Any]:
    uv, texture = tree.nodes.new("ShaderNodeUVMap"), tree.nodes.new("ShaderNodeTexImage")
    uv.name, texture.name = f"{FRAME} UV", f"{FRAME} Image"
    uv.uv_map = source.uv_map
    texture.image, texture.interpolation, texture.extension = source.image, "Linear", "REPEAT"
    texture.projection = "FLAT"
    tree.links.new(compat.socket(uv.outputs, "UV"), compat.socket(texture.inputs, "Vector"))
    return [texture, uv]


def _attribute_node(tree: Any, source: Attribute) -> Any:
    node = tree.nodes.new("ShaderNodeVertexColor")
    node.name = f"{FRAME} Color"
    node.layer_name = source.name
    return node


def _remove_unused_frames(tree: Any) -> None:
    """Of an earlier result that the material was copied from."""
    for frame in [node for node in tree.nodes if node.type == "FRAME" and MARK in node]:
        inside = [node for node in tree.nodes if node.parent == frame]
        if not any(link.to_node.parent != frame for node in inside for out in node.outputs for link in out.links):
            for node in (*inside, frame):
                tree.nodes.remove(node)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Blender 4.2 and 5.x, one function per difference, asked of the program and not of its version.

specs/blender-extension.md section 1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ..backend.errors import EngineMissingError

EEVEE_ENGINES = ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE")  # 4.2 to 4.5 refuse the second name, 5.0 the first


def set_engine(render: bpy.types.RenderSettings, engines: Sequence[str]) -> str:
    """Set the first render engine of `engines` that this Blender has; its identifier.

    Raises EngineMissingError if there is none (Cycles can be switched off in the preferences).
    """
    for engine in engines:
        try:
            render.engine = engine  # pyright: ignore[reportAttributeAccessIssue]
        except TypeError:
            continue
        return engine
    raise EngineMissingError(
        "render-engine-missing",
        f"This Blender has no render engine named {engines[0]}.",
        "Enable it in Preferences > Add-ons.",
    )


def set_multilayer_exr(settings: Any) -> None:
    """Multi-layer OpenEXR, one scan-line part, 32-bit float, ZIP. `settings` is ImageFormatSettings."""
    _set_media_type(settings, "MULTI_LAYER_IMAGE")
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_depth = "32"
    settings.exr_codec = "ZIP"
    if hasattr(settings, "use_exr_interleave"):  # 5.0 writes one part per pass unless told otherwise
        settings.use_exr_interleave = True


def set_image_format(settings: Any, file_format: str) -> None:
    """A single-layer image such as PNG, or a video where `file_format` is FFMPEG."""
    _set_media_type(settings, "VIDEO" if file_format == "FFMPEG" else "IMAGE")
    settings.file_format = file_format


def _set_media_type(settings: Any, media_type: str) -> None:
    if hasattr(settings, "media_type"):  # 5.0: decides which file formats may be assigned
        settings.media_type = media_type


def uses_nodes(owner: bpy.types.Material | bpy.types.World) -> bool:
    """The material or world is made of nodes: before 5.0 it may have some and not use them."""
    return owner.node_tree is not None and bool(getattr(owner, "use_nodes", True))


def set_colour_space(settings: Any, *names: str) -> None:
    """The first colour space of `names` that the OpenColorIO configuration in use has; as it was if none.

    `settings` is the colorspace_settings of an image, or the like.
    """
    for name in names:
        try:
            settings.name = name
        except TypeError:
            continue
        return


def enable_nodes(owner: bpy.types.Material | bpy.types.World) -> None:
    """Make sure that a material or world has a node tree and uses it; from 5.0 on it always does."""
    if not uses_nodes(owner) and hasattr(owner, "use_nodes"):
        owner.use_nodes = True


def socket(sockets: Any, identifier: str, *names: str) -> bpy.types.NodeSocket:
    """The available socket with this identifier, else the first with one of `names`. Raises KeyError.

    `sockets` is `node.inputs` or `node.outputs`. Looking up by name would meet hidden sockets of the same name
    (ShaderNodeMix), or fail for them (5.2). Configure the node before asking.
    """
    available = [found for found in sockets if not getattr(found, "is_unavailable", False)]
    for found in available:
        if found.identifier == identifier:
            return found
    for name in (identifier, *names):
        for found in available:
            if found.name == name:
                return found
    raise KeyError(f"the node has no socket {identifier}")


def set_view_transform(scene: bpy.types.Scene, *names: str) -> None:
    """The first view transform of `names` that the OpenColorIO configuration in use has, without a look."""
    settings: Any = scene.view_settings
    settings.look = "None"
    for name in names:
        try:
            settings.view_transform = name
        except TypeError:
            continue
        return


def has_denoiser() -> bool:
    """Cycles was built with OpenImageDenoise; distributions often leave it out, and rendering with it then fails."""
    try:
        import _cycles  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", False))


def set_denoising(scene: bpy.types.Scene) -> None:
    """Denoise in the fastest way that keeps textures sharp, where this Blender can."""
    if not has_denoiser():
        return
    cycles: Any = scene.cycles  # pyright: ignore[reportAttributeAccessIssue]
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_input_passes, cycles.denoising_prefilter = "RGB_ALBEDO_NORMAL", "NONE"
    if hasattr(cycles, "denoising_quality"):
        cycles.denoising_quality = "FAST"


def strips(editor: Any) -> Any:
    """The strips of a sequence editor: `sequences` until 4.3, both in 4.4 and 4.5, `strips` alone from 5.0 on."""
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def current_scene() -> bpy.types.Scene:
    scene: Any = bpy.context.scene
    return scene


def current_layer() -> bpy.types.ViewLayer:
    layer: Any = bpy.context.view_layer
    return layer


def tool_in_use() -> bool:
    """The artist is in the middle of something, in any window: moves, sculpts, paints, draws a box.

    Those operators block others or make an undo step of their own; what only listens, as some add-ons do all the
    time, does neither and does not count.
    """
    manager: Any = bpy.context.window_manager
    running = [operator for window in manager.windows for operator in getattr(window, "modal_operators", ())]
    return any(operator.bl_options & _IN_USE for operator in running)


_IN_USE = {"UNDO", "UNDO_GROUPED", "BLOCKING", "GRAB_CURSOR", "GRAB_CURSOR_X", "GRAB_CURSOR_Y"}


def is_rendering() -> bool:
    """A render job runs: removing a scene now would crash Blender."""
    running = getattr(bpy.app, "is_job_running", None)
    return bool(running and running("RENDER"))


def online() -> bool:
    """Blender's Allow Online Access. The bpy module has no user who could set it: a command is asking enough."""
    return not bpy.app.binary_path or bool(getattr(bpy.app, "online_access", True))

# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from orbit_painter.backend.errors import EngineMissingError

pytestmark = pytest.mark.bpy


def test_first_engine_that_exists_is_set(empty):
    from orbit_painter.addon import compat

    render = empty.context.scene.render
    assert compat.set_engine(render, compat.EEVEE_ENGINES) == render.engine
    assert render.engine.startswith("BLENDER_EEVEE")
    with pytest.raises(EngineMissingError) as caught:
        compat.set_engine(render, ("NO_SUCH_ENGINE",))
    assert caught.value.code == "render-engine-missing"
    assert render.engine.startswith("BLENDER_EEVEE")


def test_formats_can_follow_each_other(empty):
    from orbit_painter.addon import compat

    settings = empty.context.scene.render.image_settings
    for _ in range(2):
        compat.set_multilayer_exr(settings)
        assert (settings.file_format, settings.color_depth, settings.exr_codec) == ("OPEN_EXR_MULTILAYER", "32", "ZIP")
        compat.set_image_format(settings, "PNG")
        assert settings.file_format == "PNG"
        compat.set_image_format(settings, "FFMPEG")
        assert settings.file_format == "FFMPEG"


def test_view_transform_falls_back_to_what_exists(empty):
    from orbit_painter.addon import compat

    scene = empty.context.scene
    compat.set_view_transform(scene, "NoSuchTransform", "Standard", "Raw")
    assert (scene.view_settings.view_transform, scene.view_settings.look) == ("Standard", "None")


def test_sockets_by_identifier_then_name(empty):
    from orbit_painter.addon import compat

    material = empty.data.materials.new("m")
    compat.enable_nodes(material)
    nodes = material.node_tree.nodes
    mix = nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    # three pairs of sockets are named A and B; the one that shows is found
    assert compat.socket(mix.inputs, "A_Color").type == "RGBA"
    assert compat.socket(mix.inputs, "missing", "A").type == "RGBA"
    assert compat.socket(nodes.new("ShaderNodeBsdfPrincipled").inputs, "Base Color").type == "RGBA"
    with pytest.raises(KeyError):
        compat.socket(mix.inputs, "missing")


def test_nodes_are_enabled_only_where_missing(empty):
    from orbit_painter.addon import compat

    world = empty.data.worlds.new("w")
    compat.enable_nodes(world)
    tree = world.node_tree
    assert tree is not None
    compat.enable_nodes(world)
    assert world.node_tree == tree


def test_nothing_renders(empty):
    from orbit_painter.addon import compat

    assert compat.is_rendering() is False


def test_which_operators_count_as_a_tool_in_use(monkeypatch):
    from types import SimpleNamespace as Named

    from orbit_painter.addon import compat

    def context(*options):
        windows = [Named(modal_operators=[Named(bl_options=set(words)) for words in options]), Named()]
        return Named(context=Named(window_manager=Named(windows=windows)))

    for options, used in (((), False), (({"REGISTER"},), False), (({"REGISTER"}, {"REGISTER", "UNDO"}), True)):
        monkeypatch.setattr(compat, "bpy", context(*options))
        assert compat.tool_in_use() is used


def test_a_material_that_does_not_use_its_nodes(empty):
    from orbit_painter.addon import compat

    material = empty.data.materials.new("Plain")
    material.use_nodes = True
    assert compat.uses_nodes(material)
    material.use_nodes = False
    if not material.use_nodes:  # from 5.0 on, this has no effect
        assert not compat.uses_nodes(material)
        compat.enable_nodes(material)
    assert compat.uses_nodes(material)


def test_the_first_known_colour_space(empty):
    from orbit_painter.addon import compat

    image = empty.data.images.new("Image", 8, 8)
    compat.set_colour_space(image.colorspace_settings, "no such space", "Non-Color", "sRGB")
    assert image.colorspace_settings.name == "Non-Color"
    compat.set_colour_space(image.colorspace_settings, "no such space")
    assert image.colorspace_settings.name == "Non-Color"


def test_denoising_only_where_it_was_built_in(empty):
    from orbit_painter.addon import compat

    scene = empty.data.scenes.new("Scene")
    scene.cycles.use_denoising = False
    compat.set_denoising(scene)
    assert scene.cycles.use_denoising == compat.has_denoiser()

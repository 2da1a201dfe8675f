# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what a finished job leaves behind, without running one. Works inside any Blender."""

import json
import zlib
from pathlib import Path

import numpy as np
from orbit_painter.backend.files import write_png
from orbit_painter.backend.host import TextureFiles
from orbit_painter.backend.job import Job, ReferenceSpec


def make(
    folder,
    objects,
    colour=(200, 60, 20),
    *,
    size=16,
    atlas="object",
    seed=7,
    uv_maps=None,
    tiles=(1001,),
    colours=None,
    noise=False,
):
    """A job folder for `objects`. atlas: object, slot or shared; colours: object name -> rgb for a colour attribute."""
    from orbit_painter.addon.placement import FOLDER, Placement, write_placement
    from orbit_painter.addon.placing import Target, describe
    from orbit_painter.addon.scene_read import read_mesh

    folder = Path(folder)
    (folder / "textures").mkdir(parents=True)
    (folder / FOLDER).mkdir(parents=True)
    mesh, sources, _ = read_mesh(objects)
    voxels = None if colours is None else voxels_of(mesh, sources, colours)
    written = {}

    def texture(name, index):
        if name not in written:
            word = name.replace("/", "_")
            names = [word if tiles == (1001,) else f"{word}.{tile}" for tile in tiles]
            files = tuple(folder / "textures" / f"{file}.png" for file in names)
            for path in files:
                pixels = np.broadcast_to(np.uint8((*colour, 255)), (size, size, 4)).copy()
                if noise:
                    pixels[..., :3] = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
                write_png(path, pixels, level=1)
            written[name] = TextureFiles(name, (index,), "", files, tiles)
        return written[name]

    targets = {}
    for index, source in enumerate(sources):
        obj = source.resolve()
        if obj.name in targets:
            continue
        name = (uv_maps or {}).get(obj.name) or ("" if colours else obj.data.uv_layers[0].name)
        target = targets[obj.name] = Target(obj, source, index, name)
        if atlas == "slot":
            for slot in range(len(obj.material_slots)):
                target.textures[slot] = texture(f"{obj.name}_{slot}", index)
        else:
            target.textures[-1] = texture("scene" if atlas == "shared" else obj.name, index)
    placed = describe(list(targets.values()), mesh, folder / FOLDER, voxels, lambda *_: None)
    recipe_id = f"{zlib.crc32(repr((colour, seed, size, colours)).encode()):08x}" * 4
    write_placement(folder / FOLDER, Placement(recipe_id, "test", placed))
    job = Job(
        str(folder),
        (ReferenceSpec("/reference.png"),),
        objects=tuple(targets),
        seed=seed,
        output="textures" if colours is None else "color_attribute",
        fuse={"smoothness": 3.0, "consensus": 0.5},
        engine_options={"detail": 0.5},
    )
    (folder / "recipe.json").write_text(json.dumps({"job": job.to_json()}))
    write_png(folder / "still.png", np.full((32, 32, 4), (*colour, 255), np.uint8))
    return folder


def voxels_of(mesh, sources, colours):
    """Voxels along the surface, each object in its colour."""
    from orbit_painter.backend.texturing.voxel_files import VoxelTexture
    from orbit_painter.backend.texturing.voxels import surface_voxels

    found = surface_voxels(mesh.vertices, mesh.faces, 64, mesh.face_object)
    palette = np.array([colours[source.object_name] for source in sources], np.uint8)
    label = np.zeros(len(found), np.int16)
    return VoxelTexture(found.coords, palette[found.object_id], found.normal, label, 64, mesh.normalisation)

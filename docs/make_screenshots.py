# SPDX-License-Identifier: GPL-3.0-or-later
"""The screenshots of user-guide.md and environment.md, from a real run in a Blender with its interface.

Arguments: names of pictures to make, all if there is none.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PICTURES = HERE / "pictures"
TAKEN = (
    "panel", "running", "result", "output", "advanced", "quality", "planned", "views", "diagnostics", "guide", "engine",
    "preferences",
)  # fmt: skip
VIEW = (0, 0, 1328, 905)  # the 3D viewport with the sidebar
ENGINE = (1036, 82, 1328, 698)  # down to Generate Texture
PREFERENCES = (176, 308, 1316, 905)
SIDEBAR = (1036, 82, 1328, 905)


def load(name, path, **options):
    spec = importlib.util.spec_from_file_location(name, path, **options)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(names):
    load("orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    installation = load("installation", ROOT / "tests" / "real_blender" / "installation.py")
    with tempfile.TemporaryDirectory(prefix="orbit-painter-", ignore_cleanup_errors=True) as home:
        blender = installation.RealBlender(home)
        blender.install()
        quick = ["quick"] if names and not {"running", "result", "guide", "coverage"} & set(names) else []
        report = blender.play("play_pictures", *quick, timeout=3000)
        folder = Path(home)
        pictures = {name: Image.open(folder / f"{name}.png") for name in TAKEN}
        made = {name: pictures[name].crop(VIEW) for name in ("panel", "running", "result")}
        panels = [trimmed(pictures[name].crop(SIDEBAR)) for name in ("quality", "output", "advanced", "diagnostics")]
        made["coverage"] = side_by_side([trimmed(pictures[name].crop(SIDEBAR)) for name in ("planned", "views")])
        made["engine"] = pictures["engine"].crop(ENGINE)
        made["preferences"] = trimmed(pictures["preferences"].crop(PREFERENCES))
        made["sub-panels"] = side_by_side(panels)
        made["guide"] = side_by_side([on_grey(pictures["guide"]), on_grey(painted(pictures["guide"], report))])
        for name, picture in made.items():
            if name in names or not names:
                picture.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
                picture.save(PICTURES / f"{name}.jpg", quality=88, optimize=True)


def painted(guide, report):
    """The guide as an artist may have painted it: with the colours of the first result."""
    from orbit_painter.backend.flat_view import read_textures, textured_view
    from orbit_painter.backend.orbits.cameras import Camera
    from orbit_painter.backend.orbits.files import open_passes
    from orbit_painter.backend.results import texture_files

    work = Path(report["job"]) / "work"
    mesh = open_passes(work / "passes").mesh
    textures = texture_files(work / "bake", mesh)
    colours = textured_view(mesh, textures, read_textures(textures), Camera.from_json(report["camera"]))
    shade = np.asarray(guide, float)[..., :3] / 255 / 0.85
    picture = colours.copy()
    picture[..., :3] = np.clip(colours[..., :3] * np.clip(0.35 + 0.65 * shade, 0, 1), 0, 255)
    return Image.fromarray(picture)


def on_grey(picture):
    backdrop = Image.new("RGBA", picture.size, (226, 226, 226, 255))
    return Image.alpha_composite(backdrop, picture.convert("RGBA")).convert("RGB")


def trimmed(panel):
    """Without the empty part below the last line of the panel."""
    rows = np.asarray(panel.convert("L"), int)[:, :232]
    busy = np.flatnonzero(np.ptp(rows, axis=1) > 40)
    return panel.crop((0, 0, panel.width, min(panel.height, int(busy[-1]) + 14)))


def side_by_side(pictures, gap=8):
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    row = Image.new("RGB", (width, max(picture.height for picture in pictures)), (255, 255, 255))
    left = 0
    for picture in pictures:
        row.paste(picture.convert("RGB"), (left, 0))
        left += picture.width + gap
    return row


if __name__ == "__main__":
    main(sys.argv[1:])

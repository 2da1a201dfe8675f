# SPDX-License-Identifier: GPL-3.0-or-later
"""Enables and disables the extension three times in a Python without NumPy; run in a process of its own."""

import importlib.util
import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[2]


def leftovers():
    """Everything of ours that Blender knows."""
    lists = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    handlers = {name: list(found) for name, found in lists.items() if isinstance(found, list)}
    found = {name for name in dir(bpy.types) if "ORBIT_PAINTER" in name.upper()}
    found |= {f"operator {name}" for name in dir(bpy.ops.orbit_painter)}
    ours = [(name, h) for name, all in handlers.items() for h in all if h.__module__.startswith("orbit_painter")]
    found |= {f"handler {name}" for name, _ in ours}
    owners = (bpy.types.Scene, bpy.types.Object, bpy.types.WindowManager)
    return found | {f"property of {owner.__name__}" for owner in owners if hasattr(owner, "orbit_painter")}


def speaks_german():
    """None in a build without other languages, as the bpy module is."""
    view = bpy.context.preferences.view
    try:
        view.language = "de_DE"
    except TypeError:
        return None
    view.use_translate_interface = view.use_translate_reports = True
    from orbit_painter.addon.translations import tr

    said = tr("{title} is done", title="Eule"), bpy.app.translations.pgettext_iface("Generate Texture", "Operator")
    view.language = "en_US"
    return said == ("Eule ist fertig", "Textur erzeugen")


for name in [name for name in sys.modules if name.partition(".")[0] == "numpy"]:
    del sys.modules[name]
sys.modules["numpy"] = None  # importing it now fails, as in a build that lacks it
spec = importlib.util.spec_from_file_location(
    "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
)
package = importlib.util.module_from_spec(spec)
sys.modules["orbit_painter"] = package
spec.loader.exec_module(package)
assert leftovers() == set(), leftovers()
for _ in range(3):
    package.register()
    assert hasattr(bpy.types, "ORBIT_PAINTER_PT_main")
    assert bpy.context.scene.orbit_painter.engine == "projection"
    assert speaks_german() in (True, None)
    package.unregister()
    assert leftovers() == set(), leftovers()
print("REGISTERED")

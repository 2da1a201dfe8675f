# SPDX-License-Identifier: GPL-3.0-or-later
"""Enables and disables the extension three times in a Python without NumPy; run in a process of its own."""

import importlib.util
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
from leftovers import leftovers

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "orbit_painter"


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
assert not leftovers(PACKAGE), leftovers(PACKAGE)
for _ in range(3):
    package.register()
    assert hasattr(bpy.types, "ORBIT_PAINTER_PT_main")
    assert bpy.context.scene.orbit_painter.engine == "projection"
    assert speaks_german() in (True, None)
    package.unregister()
    assert not leftovers(PACKAGE), leftovers(PACKAGE)
print("REGISTERED")

# SPDX-License-Identifier: GPL-3.0-or-later
"""What an add-on that is disabled still has in this Blender. Runs inside any Blender, without NumPy."""

import sys
import threading
from pathlib import Path

import bpy
import bpy.utils.previews


def leftovers(package):
    """Names of everything that the add-on of this package left: nothing, once it is disabled.

    Its modules stay in sys.modules and its preferences in the user's, as those of every add-on do.
    """

    def ours(found):
        return f"{found}.".startswith(f"{package}.")

    modules = [module for name, module in list(sys.modules.items()) if ours(name) and module is not None]
    functions = {value for module in modules for value in vars(module).values() if callable(value)}
    handlers = [found for name in dir(bpy.app.handlers) if isinstance(found := getattr(bpy.app.handlers, name), list)]
    left = [f"timer {f}" for f in functions if bpy.app.timers.is_registered(f)]
    left += [f"handler {f}" for found in handlers for f in found if ours(f.__module__)]
    left += [f"thread {t.name}" for t in threading.enumerate() if t is not threading.main_thread()]
    left += [f"class {name}" for name in dir(bpy.types) if "ORBIT_PAINTER" in name.upper()]
    left += [f"operator {name}" for name in dir(bpy.ops.orbit_painter)]
    owners = (bpy.types.Scene, bpy.types.Object, bpy.types.WindowManager)
    left += [f"property of {owner.__name__}" for owner in owners if hasattr(owner, "orbit_painter")]
    left += [f"previews {found}" for found in bpy.utils.previews._uuid_open]
    left += [f"command {found}" for module in modules for found in getattr(module, "_commands", ())]
    configurations = bpy.context.window_manager.keyconfigs
    known = [found for found in (configurations.addon, configurations.user) if found is not None]
    keys = [item.idname for found in known for keymap in found.keymaps for item in keymap.keymap_items]
    left += [f"key {name}" for name in keys if name.startswith("orbit_painter.")]
    left += [f"file {path.name}" for path in Path(bpy.app.tempdir).glob("*orbit*")]
    return left

# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text of ours that Blender's interface can show, found in the registered classes and in the source."""

import ast
import inspect
from pathlib import Path

ADDON = Path(__file__).resolve().parents[2] / "addon"
KEYWORDS = {"text", "heading", "title"}
CALLS = {"tr", "marked", "poll_message_set"}


def of_classes(bpy):
    """Labels and tooltips of classes, their properties and the items of their menus."""
    kinds = (bpy.types.Operator, bpy.types.Panel, bpy.types.PropertyGroup, bpy.types.Menu, bpy.types.AddonPreferences)
    for cls in (c for kind in kinds for c in _below(kind)):
        if not cls.__module__.startswith("orbit_painter.") or not cls.is_registered:
            continue
        yield getattr(cls, "bl_label", "")
        rna = cls.bl_rna
        if issubclass(cls, bpy.types.Operator):
            space, name = cls.bl_idname.split(".")
            rna = getattr(getattr(bpy.ops, space), name).get_rna_type()
            yield rna.description
        ours = {name for base in cls.__mro__ if base.__module__.startswith("orbit_painter.") for name in _defined(base)}
        for prop in [prop for prop in rna.properties if prop.identifier in ours]:
            yield prop.name
            yield prop.description
            if prop.type == "ENUM":
                for item in prop.enum_items:
                    yield item.name
                    yield item.description


def _defined(cls):
    return inspect.get_annotations(cls)


def _below(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)


def of_source():
    """Literal texts that are given to a layout or looked up."""
    for path in sorted(ADDON.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [word.value for word in node.keywords if word.arg in KEYWORDS]
            if name in CALLS:
                given += node.args[:1]
            for value in (choice for one in given for choice in _choices(one)):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def _choices(value):
    """Both sides of `a if condition else b`."""
    return [*_choices(value.body), *_choices(value.orelse)] if isinstance(value, ast.IfExp) else [value]


def shown(bpy):
    return {text for text in (*of_classes(bpy), *of_source()) if text.strip()}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text of ours that Blender's interface can show, found in the registered classes and in the source."""

import ast
import inspect
import re
from pathlib import Path

ADDON = Path(__file__).resolve().parents[2] / "addon"
BACKEND = ADDON.parent / "backend"
# Rooms and files whose sentences only the command line shows
COMMAND_LINE = {
    "evaluation", "dataset", "training", "baselines", "mesh_formats", "arguments.py", "batch.py", "cli.py",
    "packages.py", "plan_command.py", "reference_command.py", "meshfile.py", "file_host.py", "bundle.py",
    "glb_writer.py", "import_file.py", "import_checks.py", "import_probe.py", "ply_check.py", "translations",
}  # fmt: skip
TOLD = {"progress", "report", "_report", "change"}  # calls whose second argument is a phrase of what is being done
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


def sentences():
    """What the backend, and the add-on in another process, can say: with {} where something is filled in -> the file.

    Sentences are literals that begin with a capital or something filled in and end with a full stop or question mark.
    """
    found = {}
    for root in (BACKEND, ADDON):
        for path in sorted(root.rglob("*.py")):
            if not COMMAND_LINE & set(path.relative_to(root).parts):
                for text in _sentences(ast.parse(path.read_text(encoding="utf-8"))):
                    found.setdefault(text, path.name)
    return found


def _sentences(tree):
    skipped = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            skipped.add(id(node.body[0].value))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CALLS:
            skipped.update(id(part) for part in node.args)  # translated where it is written
    for node in ast.walk(tree):
        text = None if id(node) in skipped else _template(node)
        if text and re.match(r"[A-Z{'].* .*[^.][.?]$", text) and re.search("[a-z]{3}", text):
            yield text
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in TOLD:
            phrase = _template(node.args[1]) if len(node.args) > 1 else None
            if phrase and phrase.strip("{} "):
                yield phrase


def _template(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the layout of a panel, which the bpy module cannot draw: remembers what is put into it."""

from types import SimpleNamespace


class FakeLayout:
    """labels, bars: texts; operators: (identifier, text, settings); props: names; lists: names; pictures: count"""

    def __init__(self, root=None):
        self.root = root or self
        if root is None:
            self.labels, self.bars, self.operators, self.props, self.lists, self.pictures = [], [], [], [], [], 0

    def row(self, **_):
        return FakeLayout(self.root)

    column = box = split = row

    def separator(self, **_):
        pass

    def label(self, text="", **_):
        self.root.labels.append(text)

    def progress(self, text="", **_):
        self.root.bars.append(text)

    def operator(self, identifier, text=None, **_):
        settings = SimpleNamespace()
        self.root.operators.append((identifier, text, settings))
        return settings

    def prop(self, data, name, **_):
        assert name in data.bl_rna.properties, name
        self.root.props.append(name)

    def template_list(self, identifier, *_, **__):
        self.root.lists.append(identifier)

    def template_icon(self, **_):
        self.root.pictures += 1

    def template_ID(self, data, name, **_):
        assert name in data.bl_rna.properties
        self.root.props.append(name)

    def icon(self, _):
        return 1

    def text(self):
        return "\n".join(self.labels)

    def operator_names(self):
        return [identifier.removeprefix("orbit_painter.") for identifier, _, _ in self.operators]

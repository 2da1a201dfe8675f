# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ways of making a texture from frames, to compare with.

Each is a function (mesh, target, frames) -> baked tiles, as the atlas bake gives them.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Orbit Painter: paint any mesh from a picture. The package root, which is also the Blender extension."""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from .addon import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and when it quits."""
    from .addon import registration

    registration.unregister()

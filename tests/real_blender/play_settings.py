# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings with which a job takes seconds."""


def use_tiny(settings):
    use(settings, views=5, frame=64, label=32, grid=48, surface=32, texture=128)


def use(settings, *, views, frame, label, grid, surface, texture):
    settings.quality = "CUSTOM"
    settings.views_horizontal = settings.views_vertical = views
    settings.frame_size, settings.texture_size = frame, texture
    settings.label_grid, settings.grid, settings.surface_grid = label, grid, surface

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension adds to Blender, as one ordered tuple of modules that each register and unregister themselves."""

from __future__ import annotations

from . import (
    command,
    jobs,
    leftovers,
    ops_apply,
    ops_coverage,
    ops_diagnostics,
    ops_environment,
    ops_generate,
    ops_guide,
    ops_memory,
    ops_references,
    ops_variants,
    ops_words,
    planned,
    prefs,
    props,
    targets,
    threads,
    thumbnails,
    translations,
    tray,
    ui_panel,
    ui_subpanels,
    ui_variants,
    ui_views,
    upkeep,
    variant_files,
    variant_props,
    window_job,
)

MODULES = (
    command,
    translations,
    threads,
    leftovers,
    thumbnails,
    upkeep,
    ops_environment,
    prefs,
    props,
    targets,
    jobs,
    window_job,
    ops_references,
    ops_guide,
    ops_words,
    variant_props,
    variant_files,
    tray,
    planned,
    ops_apply,
    ops_variants,
    ops_generate,
    ops_coverage,
    ops_memory,
    ops_diagnostics,
    ui_panel,
    ui_variants,
    ui_subpanels,
    ui_views,
)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()

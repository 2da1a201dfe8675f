# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the whole product; blender_manifest.toml and pyproject.toml carry the same (a test compares)."""

VERSION = "0.1.0"

# SPDX-License-Identifier: GPL-3.0-or-later
"""OrbitPainter: orbit videos by the Wan 2.2 Fun-Control experts (specs/orbitpainter.md, docs/orbitpainter.md).

Modules here import torch and diffusers; nothing outside imports them before the engine is chosen.
"""

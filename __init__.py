# SPDX-License-Identifier: GPL-3.0-or-later
"""Orbit Painter: paint any mesh from a picture. The package root, which is also the Blender extension."""

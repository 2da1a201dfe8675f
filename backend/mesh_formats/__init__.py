# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of model files for machines without Blender, with NumPy alone. One file each, all return `Part`s."""

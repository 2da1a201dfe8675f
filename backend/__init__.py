# SPDX-License-Identifier: GPL-3.0-or-later
"""The generation backend: plain arrays in, plain arrays out. Nothing here but `cli.py` imports bpy."""

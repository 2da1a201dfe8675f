# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that touches bpy: reading a scene, rendering passes, writing the result back."""

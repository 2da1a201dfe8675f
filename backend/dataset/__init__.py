# SPDX-License-Identifier: GPL-3.0-or-later
"""Training data: textured objects as orbits of albedo, normal, position and mask, in shards (docs/training.md)."""

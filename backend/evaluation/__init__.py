# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance scenes, metrics and the tables that compare TextureOptimizer with other ways of making a texture."""

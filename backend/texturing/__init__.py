# SPDX-License-Identifier: GPL-3.0-or-later
"""TextureOptimizer: fuses orbit frames into a voxel and a UV texture (Ink3D section 3.3). One stage a file."""

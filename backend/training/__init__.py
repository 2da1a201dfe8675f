# SPDX-License-Identifier: GPL-3.0-or-later
"""Training OrbitPainter: flow matching, its few-step distillation, checkpoints (docs/training.md). Needs torch."""

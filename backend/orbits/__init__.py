# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras, geometry passes, their encodings and files."""

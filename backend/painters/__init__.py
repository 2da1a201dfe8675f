# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines that turn geometry passes and references into orbit frames."""

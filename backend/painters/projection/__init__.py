# SPDX-License-Identifier: GPL-3.0-or-later
"""The `projection` engine: carries references to the surface they show and continues them where they show nothing."""

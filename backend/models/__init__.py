# SPDX-License-Identifier: GPL-3.0-or-later
"""The model store: which models engines need, where they come from, and where they lie. docs/environment.md.

The standard library alone. Nothing is fetched but on the command `models download`.
"""

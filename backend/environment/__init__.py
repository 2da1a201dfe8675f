# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's Python environment: made, checked, mended, switched and removed by one installer. docs/environment.md.

The standard library alone; nothing here is imported from inside the environment but `selftest.py`, which is run there.
`layout.default_root` says where it is, `status.status` what state it is in.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes dist/sbom.json: what the extension and its engine consist of, as CycloneDX 1.5.

The extension's zip itself holds no package; every lock's packages are listed with version, licence and file hashes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from licences import LOCKS, ROOT, licence

OUT = ROOT / "dist" / "sbom.json"
_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)((?:.*\\\n)*.*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components() -> list[dict[str, Any]]:
    """One for each package and version of the locks, by name; `groups` says which part of the program has it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for lock, user in LOCKS.items():
        for name, version, rest in _ENTRY.findall((ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")):
            entry = found.setdefault((name, version), {"users": [], "hashes": {}})
            entry["users"].append(user)
            entry["hashes"] |= dict.fromkeys(_HASH.findall(rest))
    return [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "licenses": [{"license": {"name": licence(name)}}],
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in entry["hashes"]],
            "properties": [{"name": "orbit-painter:part", "value": user} for user in dict.fromkeys(entry["users"])],
        }
        for (name, version), entry in sorted(found.items())
    ]


def bill() -> dict[str, Any]:
    """The whole document."""
    sys.path.insert(0, str(ROOT / "backend"))
    from version import VERSION  # pyright: ignore[reportMissingImports]

    about: dict[str, Any] = {"type": "application", "name": "orbit-painter", "version": VERSION}
    about |= {"licenses": [{"expression": "GPL-3.0-or-later"}]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": components(),
    }


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
    print(OUT)

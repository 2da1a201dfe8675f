# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by the engine's own Python: `selftest.py DEVICE MODULE...`. Prints one JSON line; exit status 0 if all is well.

Imports every module, and where torch is among them computes on the device what NumPy computes on the CPU.
"""

import importlib
import json
import sys
from typing import Any


def main(device: str, modules: list[str]) -> dict[str, Any]:
    """What was found: versions of the modules, and for torch the device's name and memory."""
    loaded = {name: importlib.import_module(name) for name in modules}
    facts: dict[str, Any] = {"python": sys.version.split()[0]}
    facts["versions"] = {name: str(getattr(module, "__version__", "")) for name, module in loaded.items()}
    if "torch" in loaded:
        facts |= compute(device, loaded["torch"], loaded["numpy"])
    return facts


def compute(device: str, torch: Any, numpy: Any) -> dict[str, Any]:
    """A matrix product and an attention on the device, compared with NumPy. Raises RuntimeError if they differ."""
    name = {"rocm": "cuda"}.get(device, device)
    random = numpy.random.default_rng(0)
    a, b = (random.standard_normal((64, 64)).astype(numpy.float32) for _ in range(2))
    x, y = (torch.from_numpy(value).to(name) for value in (a, b))
    product = (x @ y).cpu().numpy()
    scores = a @ b.T / 8
    weights = numpy.exp(scores - scores.max(1, keepdims=True))
    expected = (weights / weights.sum(1, keepdims=True)) @ b
    attention = torch.nn.functional.scaled_dot_product_attention(x[None, None], y[None, None], y[None, None])
    for what, found, wanted in (
        ("matrix product", product, a @ b),
        ("attention", attention[0, 0].cpu().numpy(), expected),
    ):
        if not numpy.allclose(found, wanted, rtol=1e-2, atol=1e-2):
            raise RuntimeError(f"the {what} on {device} is wrong")
    facts: dict[str, Any] = {"device": "CPU", "memory": 0}
    if name == "cuda":
        properties = torch.cuda.get_device_properties(0)
        facts = {"device": properties.name, "memory": properties.total_memory}
    elif name == "mps":
        facts = {"device": "Apple GPU", "memory": torch.mps.recommended_max_memory()}
    return facts


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))

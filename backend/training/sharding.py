# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights, gradients and moments split over all processes (FSDP), where one device cannot hold the network.

PyTorch's `fully_shard`, which accelerate's own FSDP calls too; accelerate refuses it on CPUs, where it is tested.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(network: Any, device: torch.device) -> None:
    """Split the weights of each block, and of the rest. All processes call it, with equal weights."""
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for block in network.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor of which each process has a part. All processes call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """`value`, a whole tensor, on the device, in the dtype and split as `parameter` is."""
    value = value.to(parameter.device, parameter.dtype)
    if isinstance(parameter, DTensor):
        return distribute_tensor(value, parameter.device_mesh, parameter.placements)
    return value

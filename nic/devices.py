"""The device of a run, and the number of its CPU threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from nic.errors import UserError

# Set by `accelerate launch`, and by it or torchrun where there are several processes.
SET_BY_LAUNCHERS = ("ACCELERATE_MIXED_PRECISION", "LOCAL_WORLD_SIZE")

# Instructions of processors that multiply matrices in bf16, as `torch.cpu.get_capabilities` names
# them.
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def available_cores() -> int:
    """Returns the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_all_cores() -> int:
    """Sets PyTorch's threads to the cores of this machine, divided by its processes.

    `accelerate launch` and torchrun set OMP_NUM_THREADS=1 unless told otherwise, which leaves all
    cores but one idle on a CPU. Any other number of threads, and a process without a launcher, are
    left as they are.

    Returns:
        The number of threads that PyTorch now uses.
    """
    import torch

    launched = any(name in os.environ for name in SET_BY_LAUNCHERS)
    if launched and torch.get_num_threads() == 1:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, available_cores() // processes))
    return torch.get_num_threads()


def check_launch() -> None:
    """Refuses a launch that was asked for several processes and started one.

    `accelerate launch --num_processes 2` starts one process, without a word, where the
    configuration names no way to start several. It then sets an address to meet at, and no size.

    Raises:
        UserError: It says how to start several.
    """
    launched = SET_BY_LAUNCHERS[0] in os.environ and "MASTER_ADDR" in os.environ
    if launched and "WORLD_SIZE" not in os.environ:
        raise UserError(
            "accelerate launch was asked for several processes and started one: give --config_file "
            "training/accelerate/multi_gpu.yaml, or multi_cpu.yaml beside it for a CPU"
        )


def has_bf16(use_cpu: bool) -> bool:
    """Whether the hardware multiplies in bf16; where it is emulated, it is a hundred times slower.

    Args:
        use_cpu: Whether the processor is used although there is an accelerator.
    """
    import torch

    if not use_cpu and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not use_cpu and torch.accelerator.is_available():
        return False
    # Since PyTorch 2.10; an older one trains in fp32 unless told otherwise.
    found: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(found.get(name, False) for name in BF16_INSTRUCTIONS)


def check_device(device: str) -> None:
    """Refuses a device that PyTorch does not see.

    Args:
        device: auto, cpu, cuda or mps.

    Raises:
        UserError: The device is cuda or mps, and PyTorch sees none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "--device cuda: PyTorch sees no CUDA device; use --device cpu, or install a CUDA build "
            "of PyTorch and check nvidia-smi"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: PyTorch sees no Apple GPU here; use --device cpu")

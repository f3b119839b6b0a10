"""The device of a run, and all cores of a CPU, also behind a launcher."""

from __future__ import annotations

import os

import torch

from nic.errors import UserError

# Set by `accelerate launch`, and by it or torchrun where there are several processes.
SET_BY_LAUNCHERS = ("ACCELERATE_MIXED_PRECISION", "LOCAL_WORLD_SIZE")


def available_cores() -> int:
    """Number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_all_cores() -> int:
    """Undo the single thread to which launchers hold each process.

    `accelerate launch` and torchrun set OMP_NUM_THREADS=1 unless told otherwise, which leaves all
    cores but one idle when a CPU trains. The cores are shared out among the processes of this
    machine. Another number of threads, or a process without a launcher, is left as it is.

    Returns:
        The number of threads that PyTorch now uses.
    """
    launched = any(name in os.environ for name in SET_BY_LAUNCHERS)
    if launched and torch.get_num_threads() == 1:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, available_cores() // processes))
    return torch.get_num_threads()


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        UserError: cuda or mps was asked for and PyTorch sees none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "--device cuda: PyTorch sees no CUDA device; use --device cpu, or install a CUDA build "
            "of PyTorch and check nvidia-smi"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: PyTorch sees no Apple GPU here; use --device cpu")

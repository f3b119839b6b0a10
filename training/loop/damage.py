"""What is wrong with a checkpoint: cut or empty files, and weights that are not finite."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers.trainer import TRAINER_STATE_NAME

from nic.files import load_json

# What `torch.save` wrote: zip files, whose checksums tell without running anything of them.
PICKLES = ("optimizer.pt", "scheduler.pt", "training_args.bin")
RANDOM_STATES = "rng_state*.pth"


def find_damage(checkpoint: Path) -> str:
    """Returns which file of a checkpoint is damaged and how; empty where it is whole.

    Args:
        checkpoint: A folder that the Trainer wrote.
    """
    try:
        state = load_json(checkpoint / TRAINER_STATE_NAME)
        int(state["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{TRAINER_STATE_NAME} cannot be read"
    states = sorted(checkpoint.glob(RANDOM_STATES))
    for path in [*(checkpoint / name for name in PICKLES), *states]:
        if not _is_whole_zip(path):
            return f"{path.name} is damaged"
    if not states:
        return "rng_state.pth is missing"
    return find_damaged_weights(checkpoint)


def find_damaged_weights(folder: Path) -> str:
    """Returns which file of a model is missing, damaged or not finite; empty where none is."""
    for path in sorted(folder.rglob("*.json")):
        try:
            load_json(path)
        except (OSError, ValueError):
            return f"{path.name} is damaged"
    weights = sorted(folder.rglob("*.safetensors"))
    problems = map(_weights_problem, weights)
    return next(filter(None, problems), "") if weights else "model.safetensors is missing"


def _is_whole_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.testzip() is None
    except (OSError, zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return False


def _weights_problem(path: Path) -> str:
    try:
        with safe_open(path, framework="pt") as weights:
            names = list(weights.keys())
            finite = all(_is_finite(weights.get_tensor(name)) for name in names)
    except (OSError, SafetensorError, ValueError):
        return f"{path.name} is damaged"
    return "" if finite else f"{path.name} holds weights that are not finite"


def _is_finite(values: torch.Tensor) -> bool:
    return not values.is_floating_point() or bool(torch.isfinite(values).all())

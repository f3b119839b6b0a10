"""Which settings a resumed run shares with the run that it continues."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers.trainer import TRAINER_STATE_NAME

from nic.encoding import Encoding
from nic.errors import UserError
from nic.files import load_json, read_json_object, sha256_of
from nic.model_files import SPLIT
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.loop.losses import loss_directions, loss_temperature
from training.output.manifest import recorded_settings
from training.run_data import RunData

logger = logging.getLogger(__name__)

# What does not change the weights, or is compared by content: see docs/output-folder.md.
FREE_OF_THE_RUN = {
    *("query_prompt", "document_prompt"),
    *("data_file", "base_model", "split", "frozen_cache_gb", "mini_batch_size", "device"),
    *("probe", "gates", "gate", "speed", "patience", "keep_checkpoints", "resume", "force"),
    *("license", "language", "publish_to", "repo_id", "revision_tag", "allow_failed_gates"),
}
FREE_OF_THE_TRAINER = re.compile(
    r"(?:logging|log|eval|save|hub|push_to_hub|report|ddp|trackio|include|do|torch|greater|metric"
    r"|load_best|per_device_eval|batch_eval|prediction|gradient_checkpointing|restore_callback)_.*"
    r"|dataloader_(?:num_workers|pin_memory|prefetch_factor|persistent_workers)|remove_unused_columns"
    r"|train_batch_size|output_dir|use_cpu|local_rank|run_name|project|disable_tqdm|resume_from_checkpoint"
    r"|skip_memory_metrics|push_to_hub|gradient_checkpointing|label_names|fp16_full_eval"
    r"|bf16_full_eval|bf16"
)
LENGTH = ("num_train_epochs", "max_steps")
FLAGS = {"num_train_epochs": "--epochs", "per_device_train_batch_size": "--batch-size"}
WORDS = {
    "similarity": "the similarity of --base-model",
    "processes": "the number of processes, which draw --dropout,",
}
CONTENTS = {
    "data": "--data-file",
    "base": "--base-model",
    "given_split": "--split",
    "space": "--space",
}
# Each batch is shared by the processes: an earlier version gave each process batches of its own.
SHARED_BATCHES = "shared"
# What a run without a search records.
NO_SEARCH = {"trials": 0, "space": None}


def describe_settings(
    run: RunArguments,
    arguments: TrainingArguments,
    data: RunData,
    model: SentenceTransformer,
    search: Mapping[str, Any] = NO_SEARCH,
) -> dict[str, Any]:
    """Returns the settings that a resumed run must share; files and weights by their SHA-256.

    Args:
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        data: The pairs.
        model: The base model, before training.
        search: The number of trials, and the space that they are drawn from.
    """
    ours = {
        name: value
        for name, value in dataclasses.asdict(run).items()
        if name not in FREE_OF_THE_RUN
    }
    theirs = {
        name: value
        for name, value in arguments.to_sanitized_dict().items()
        if not FREE_OF_THE_TRAINER.fullmatch(name)
    }
    return {
        **ours,
        **theirs,
        "temperature": _given_temperature(run, model),
        "directions": loss_directions(run.loss, vars(run)),
        "processes": arguments.world_size,
        "batches": SHARED_BATCHES,
        **_describe_encoding(Encoding.of(model)),
        "data": data.pairs.sha256,
        "base": hash_weights(model),
        "given_split": sha256_of(Path(run.split)) if run.split else None,
        **search,
    }


def refuse_other_settings(
    folder: Path, checkpoint: Path | None, settings: dict[str, Any], restarts_every_epoch: bool
) -> None:
    """Refuses to continue a run with settings under which it did not begin.

    Args:
        folder: The output folder.
        checkpoint: The checkpoint to continue from; None where a cross-validation goes on.
        settings: The settings of the resumed run, from `describe_settings`.
        restarts_every_epoch: Whether the learning rate does not depend on the number of epochs.

    Raises:
        UserError: It names each setting that differs, with both values.
    """
    before = recorded_settings(folder)
    if before is None:
        before = _settings_of_an_earlier_version(folder, checkpoint)
        logger.warning(
            "%s: an earlier version wrote it and recorded no settings; only batch size and seed "
            "are compared",
            folder,
        )
    elif before.get(SPLIT) != sha256_of(folder / SPLIT):
        raise UserError(
            f"{folder / SPLIT}: was changed since the training began; restore it, or start anew "
            "with --force"
        )
    else:
        before = {**_defaults(), **NO_SEARCH, **before}
    if "bf16" in before:
        # What an earlier version recorded in its place.
        before.setdefault("precision", "bf16" if before["bf16"] else "fp32")
    if before.get("processes", 1) > 1 and "batches" not in before:
        raise UserError(
            f"{folder}: an earlier version began it, with a batch for each of "
            f"{before['processes']} processes; now they share each batch: start anew with --force"
        )
    if not settings["dropout"]:
        # Any number of processes takes the same batches, and nothing is drawn beside them.
        before["processes"] = settings["processes"]
    # Earlier versions trained without prompts and by cosine.
    before = {**_describe_encoding(Encoding()), **before}
    may_grow = _may_grow(checkpoint, settings, restarts_every_epoch)
    changed = [
        _difference(name, before[name], value)
        for name, value in json.loads(json.dumps(settings)).items()
        if name in before
        and value != before[name]
        and not (name in may_grow and _is_longer(before[name], value))
    ]
    if changed:
        raise UserError(
            f"{folder}: --resume continues with the settings that the training began with; "
            f"changed: {'; '.join(changed)}; give the former values, or start anew with --force"
        )


def _may_grow(
    checkpoint: Path | None, settings: Mapping[str, Any], restarts_every_epoch: bool
) -> tuple[str, ...]:
    """Returns the settings that may be raised: more trials until the model itself is trained."""
    if settings["trials"]:
        return () if checkpoint else ("trials",)
    return LENGTH if restarts_every_epoch else ()


def _defaults() -> dict[str, Any]:
    """Returns the defaults of this project's flags: what a run did that knew no such flag."""
    before = {"directions": "query_to_doc", "mix": "off", "negatives": "auto"}
    ours = {**dataclasses.asdict(RunArguments()), **before}
    return {name: value for name, value in ours.items() if name not in FREE_OF_THE_RUN}


def _given_temperature(run: RunArguments, model: SentenceTransformer) -> float | None:
    """Returns the temperature of the loss; None for the one that it has by default."""
    usual = loss_temperature(model, run.loss, {})
    return None if run.temperature == usual else run.temperature


def _describe_encoding(encoding: Encoding) -> dict[str, str]:
    """Returns what training uses of a model's prompts and similarity."""
    return {
        "query_prompt": encoding.query_prompt,
        "document_prompt": encoding.document_prompt,
        "similarity": encoding.similarity,
    }


def settings_to_record(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings with the SHA-256 of the folder's `split.json`."""
    return {**settings, SPLIT: sha256_of(folder / SPLIT)}


def hash_weights(model: SentenceTransformer) -> str:
    """Returns the SHA-256 of a model's weights by name, shape and value."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        value = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _is_longer(before: float, now: float) -> bool:
    """Whether a number of epochs or of steps is raised; steps of -1 set no limit."""
    return now == -1 or now > before


def _difference(name: str, before: Any, now: Any) -> str:
    flag = {**CONTENTS, **FLAGS, **WORDS}.get(name) or f"--{name.replace('_', '-')}"
    if name in CONTENTS:
        return f"{flag} (other content)"
    return f"{flag} {_shown(before)}, now {_shown(now)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value) if value != "" else '""'


def _settings_of_an_earlier_version(folder: Path, checkpoint: Path | None) -> dict[str, Any]:
    """Returns what a folder without a record tells of its settings."""
    state = read_json_object(checkpoint / TRAINER_STATE_NAME) if checkpoint else {}
    split = load_json(folder / SPLIT)
    found = {"per_device_train_batch_size": state.get("train_batch_size"), "seed": split["seed"]}
    return {name: value for name, value in found.items() if value is not None}

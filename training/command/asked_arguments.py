"""What was asked of a run: for its metadata, for repeating it, and what is unusual about it."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from training.command.arguments import TrainingArguments
from training.command.parser import as_words
from training.command.run_arguments import RunArguments, TrainerDefaults

logger = logging.getLogger(__name__)

PUBLISHING = ("publish_to", "repo_id", "revision_tag", "allow_failed_gates")
PROMPTS = ("query_prompt", "document_prompt")
# Belongs to one machine or one start, and not to what was trained.
NOT_DESCRIBED = {
    "output_dir",
    "use_cpu",
    "logging_dir",
    "run_name",
    "local_rank",
    "disable_tqdm",
    "bf16",
}
# Its default depends on the machine.
ALWAYS_REPEATED = {"precision"}
NOT_REPEATED = {"resume", "force", "device", "split"}
USUAL_RANGES = {
    "--epochs": (1, 10),
    "--batch-size": (8, 128),
    "--learning-rate": (1e-6, 1e-4),
    "--freeze-layers": (0, 12),
    "--val-ratio": (0.05, 0.2),
}


def warn_outside_usual_range(run: RunArguments, training: TrainingArguments) -> None:
    """Logs a warning for each value outside its usual range, which is that of an encoder."""
    values: dict[str, float] = {
        "--epochs": training.num_train_epochs,
        "--batch-size": training.per_device_train_batch_size,
        "--learning-rate": training.learning_rate,
        "--freeze-layers": run.freeze_layers,
        "--val-ratio": run.val_ratio,
    }
    for flag, (low, high) in USUAL_RANGES.items():
        of_the_encoder = flag in ("--learning-rate", "--batch-size")
        if not low <= values[flag] <= high and not (run.query_adapter and of_the_encoder):
            logger.warning(
                "%s %g is outside its usual range, %g to %g", flag, values[flag], low, high
            )


def asked_arguments(run: RunArguments, training: TrainingArguments) -> dict[str, Any]:
    """Returns the arguments for the metadata: this project's all, the Trainer's if not default.

    Paths are reduced to their last part, so that the metadata names no folder of this machine.
    """
    given = dataclasses.asdict(run)
    ours = {
        key: value if key in PROMPTS else _last_part(value)
        for key, value in given.items()
        if key not in PUBLISHING
    }
    theirs = training.to_sanitized_dict()
    keep = [
        field.name for field in dataclasses.fields(TrainingArguments) if _is_set(field, training)
    ]
    return ours | {
        name: theirs[name] for name in keep if name in theirs and name not in NOT_DESCRIBED
    }


def repeat_command(run: RunArguments, training: TrainingArguments) -> list[str]:
    """Returns the flags that repeat a training: those that differ from their defaults."""
    asked = asked_arguments(run, training)
    defaults = asked_arguments(RunArguments(), TrainingArguments(use_cpu=training.use_cpu))
    return [
        word
        for name, value in asked.items()
        if name not in NOT_REPEATED and value is not None
        if name in ALWAYS_REPEATED or value != defaults.get(name)
        for word in (f"--{name.replace('_', '-')}", *as_words(value))
    ]


def _is_set(field: dataclasses.Field[Any], training: TrainingArguments) -> bool:
    """Whether this project documents a field, or it differs from the Trainer's default."""
    if field.name in TrainerDefaults.__annotations__:
        return True
    default = field.default
    if default is dataclasses.MISSING:
        return False
    return bool(getattr(training, field.name) != default)


def _last_part(value: Any) -> Any:
    if isinstance(value, list):
        return [_last_part(item) for item in value]
    is_path = isinstance(value, str) and Path(value).exists()
    return Path(value).name if is_path else value

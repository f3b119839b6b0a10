"""The Trainer's arguments with this project's defaults and checks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from sentence_transformers import SentenceTransformerTrainingArguments
from transformers import SchedulerType

from nic.errors import UserError, require_value
from training.run_arguments import TrainerDefaults


@dataclass
class TrainingArguments(TrainerDefaults, SentenceTransformerTrainingArguments):
    """The arguments of `SentenceTransformerTrainingArguments`, with this project's defaults.

    Raises:
        UserError: A value is out of its range, or asks for what this project does otherwise.
    """

    _argument_group_name = "Trainer"

    def __post_init__(self) -> None:
        """Refuses values out of their ranges, then lets the Trainer's own checks run."""
        epochs, batch = self.num_train_epochs, self.per_device_train_batch_size
        enough = epochs > 0 and math.isfinite(epochs)
        require_value(enough, "--epochs", epochs, "more than 0")
        negatives = "2 or more: the loss needs in-batch negatives"
        require_value(batch >= 2, "--batch-size", batch, negatives)
        rate = self.learning_rate
        require_value(0 < rate < 1, "--learning-rate", rate, "more than 0 and less than 1")
        require_value(0 <= self.seed < 2**32, "--seed", self.seed, "0 to 4294967295")
        if self.load_best_model_at_end:
            raise UserError(
                "--load_best_model_at_end: checkpoint-best is always kept and becomes the model; "
                "leave this flag out"
            )
        if self.push_to_hub:
            raise UserError(
                "--push_to_hub: would publish without the gates; use --publish-to with --repo-id "
                "and --revision-tag, or nic-publish after the training"
            )
        self.dataloader_pin_memory &= torch.cuda.is_available()
        super().__post_init__()

    @property
    def restarts_every_epoch(self) -> bool:
        """Whether the learning rate follows this project's own schedule."""
        return bool(self.lr_scheduler_type == SchedulerType.COSINE_WITH_RESTARTS)

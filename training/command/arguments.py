"""The Trainer's arguments with this project's defaults and checks."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass
from typing import Literal

import torch
from sentence_transformers import SentenceTransformerTrainingArguments
from transformers import SchedulerType

from nic.devices import has_bf16
from nic.errors import UserError, require_value
from training.command.run_arguments import TrainerDefaults
from training.command.trainer_ranges import MOST, check_mappings, check_trainer_ranges


@dataclass
class TrainingArguments(TrainerDefaults, SentenceTransformerTrainingArguments):
    """The arguments of `SentenceTransformerTrainingArguments`, with this project's defaults.

    Raises:
        UserError: A value is out of its range, or asks for what this project does otherwise.
    """

    _argument_group_name = "Trainer"

    def __post_init__(self) -> None:
        """Refuses values out of their ranges, then lets the Trainer's own checks run."""
        self.check_ranges()
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
        # The command line takes one word for it.
        reporters: object = getattr(self, "report_to", None)
        if isinstance(reporters, str) and "," in reporters:
            self.report_to = [name.strip() for name in reporters.split(",")]
        if self.prompts:
            raise UserError(
                "--prompts: reaches the training alone; give --query-prompt and --document-prompt, "
                "which the evaluation and the saved model use too"
            )
        self.dataloader_pin_memory &= torch.cuda.is_available()
        # The Trainer takes bf16 on a CPU only where it is told to use the CPU.
        self.use_cpu: bool = self.use_cpu or not torch.accelerator.is_available()
        self._choose_precision()
        asked = self.dataloader_drop_last
        super().__post_init__()
        # With several processes the library drops incomplete batches, since some of the processes
        # would have none. Here all of them have each batch.
        self.dataloader_drop_last: bool = asked
        check_mappings(self)

    def check_ranges(self) -> None:
        """Refuses values out of their ranges.

        Raises:
            UserError: It names the flag.
        """
        epochs, batch = self.num_train_epochs, self.per_device_train_batch_size
        enough = epochs > 0 and math.isfinite(epochs)
        require_value(enough, "--epochs", epochs, "more than 0")
        negatives = "2 or more: the loss needs in-batch negatives"
        require_value(batch >= 2, "--batch-size", batch, negatives)
        require_value(batch <= MOST, "--batch-size", batch, f"at most {MOST}")
        rate = self.learning_rate
        require_value(0 < rate < 1, "--learning-rate", rate, "more than 0 and less than 1")
        require_value(0 <= self.seed < 2**32, "--seed", self.seed, "0 to 4294967295")
        check_trainer_ranges(self)

    def check_processes(self) -> None:
        """Refuses a batch that the processes cannot share evenly, and weights that they share.

        Raises:
            UserError: It names the flag, or what to start the processes with.
        """
        if self.fsdp or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
            raise UserError(
                "FSDP: would leave a part of the weights in each process, and models are scored "
                "and saved as a whole; use --config_file training/accelerate/multi_gpu.yaml"
            )
        rows, processes = self.per_device_train_batch_size, self.world_size
        shared = f"a multiple of {processes}: the processes of the launch share each batch"
        require_value(rows % processes == 0, "--batch-size", rows, shared)

    @property
    def train_batch_size(self) -> int:
        """The rows of a batch, which the processes and the devices of a run share."""
        return self.per_device_train_batch_size

    def in_fp32(self) -> TrainingArguments:
        """Returns a copy that trains in fp32, whatever precision was chosen."""
        found = copy.copy(self)
        found.precision, found.bf16, found.fp16, found.mixed_precision = "fp32", False, False, "no"
        return found

    def _choose_precision(self) -> None:
        """Sets `bf16`, and `precision` to what was chosen; `fp16` is left to the Trainer."""
        launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
        given = "bf16" if self.bf16 else "fp16" if self.fp16 else None
        if given is None and launched != "no":
            given = launched
        if given and self.precision not in ("auto", given):
            raise UserError(f"--precision {self.precision} contradicts --{given}; give one of them")
        if self.fp16:
            return
        chosen = given or self.precision
        if chosen == "auto":
            chosen = "bf16" if has_bf16(self.use_cpu) else "fp32"
        self.precision: Literal["auto", "fp32", "bf16"] = "bf16" if chosen == "bf16" else "fp32"
        self.bf16: bool = chosen == "bf16"

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the training; fp16 is the Trainer's own and has no part in it."""
        return torch.bfloat16 if self.bf16 else torch.float32

    @property
    def restarts_every_epoch(self) -> bool:
        """Whether the learning rate follows this project's own schedule."""
        return bool(self.lr_scheduler_type == SchedulerType.COSINE_WITH_RESTARTS)

"""The trainer: SentenceTransformerTrainer with this project's schedule, loss and callbacks."""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.losses import column_merging_disabled
from sentence_transformers.base.training_args import BatchSamplers
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer import TRAINING_ARGS_NAME

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import Interrupted, UserError, one_line
from nic.logs import lines_above_progress_bars, on_terminal
from nic.model_length import write_length
from nic.signals import name_of
from pairs.split import check_fills_a_batch
from training.command.arguments import TrainingArguments
from training.loop.batch_sampler import (
    SharedNegativesBatchSampler,
    SharedNegativesCollator,
    Values,
    count_rows_seen,
    takes_shared_negatives,
)
from training.loop.checkpoints import find_newest_checkpoint
from training.loop.interruption import Interruption
from training.loop.layer_rates import as_patterns, layer_learning_rates
from training.loop.progress import ProgressBarCallback
from training.loop.prompts import column_prompts, column_routes
from training.loop.schedule import cosine_with_warm_restarts
from training.output.manifest import checkpoint_entry, record

logger = logging.getLogger(__name__)

GO_ON = "go on with the same command and --resume"
# The samplers by name that keep equal texts apart.
UNIQUE_TEXTS = (BatchSamplers.NO_DUPLICATES, BatchSamplers.NO_DUPLICATES_HASHED)


class PairsTrainer(SentenceTransformerTrainer):
    """Trains on triplets, and writes no card: the stock one quotes training rows.

    Attributes:
        steps_per_epoch: Optimizer steps of a whole epoch, whatever ends the training.
        layer_lr_decay: Learning rate of a layer as a share of that of the layer above it.
        kept_apart: What rows of one batch must not share, by row; None for their texts.
    """

    steps_per_epoch = 1
    layer_lr_decay = 1.0
    kept_apart: Sequence[Values] | None = None

    def set_initial_training_values(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Returns the Trainer's values, and keeps the steps of an epoch."""
        values: tuple[Any, ...] = super().set_initial_training_values(*args, **kwargs)
        self.steps_per_epoch = values[1]
        return values

    @property
    def epochs(self) -> float:
        """Returns the number of epochs that the arguments ask for, which `max_steps` may end."""
        if self.args.max_steps > 0:
            return float(self.args.max_steps / self.steps_per_epoch)
        return float(self.args.num_train_epochs)

    def rows_seen_per_epoch(self) -> int:
        """Returns the number of different training rows in the batches of the first epoch."""
        return count_rows_seen(
            self.get_batch_sampler(
                self.train_dataset,
                batch_size=self.args.train_batch_size,
                drop_last=self.args.dataloader_drop_last,
                generator=torch.Generator(),
                seed=self.args.seed,
            )
        )

    def get_batch_sampler(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Any:
        """Returns the sampler; rows may share a negative if the loss takes it once per batch."""
        shares = isinstance(self.data_collator, SharedNegativesCollator)
        if self.kept_apart or (shares and self.args.batch_sampler in UNIQUE_TEXTS):
            sampler = SharedNegativesBatchSampler(dataset, *args, **kwargs)
            sampler.values = self.kept_apart
            return sampler
        return super().get_batch_sampler(dataset, *args, **kwargs)

    def get_train_dataloader(self) -> DataLoader:
        """Returns the batches of a run, which all of its processes have: see `Sharing`."""
        loader = super().get_train_dataloader()
        if isinstance(loader.batch_sampler, BatchSamplerShard):
            # Undone: Accelerate has dealt the batches out, one to each process.
            loader.batch_sampler.num_processes, loader.batch_sampler.process_index = 1, 0
            # Incomplete batches are batches too.
            loader.batch_sampler.batch_size = None
        return loader

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates; the library deals the texts out to the processes itself."""
        with self.model.embedding_alone():
            return super().evaluation_loop(*args, **kwargs)

    def get_total_train_batch_size(self, args: TrainingArguments) -> int:
        """Returns the rows of an optimizer step, in all processes together."""
        return int(self.args.train_batch_size * args.gradient_accumulation_steps)

    def layer_learning_rates(self) -> dict[str, float]:
        """Returns the learning rates by module, bottom first; empty where all have one."""
        return layer_learning_rates(self.model, self.args.learning_rate, self.layer_lr_decay)

    def get_optimizer_cls_and_kwargs(self, args: Any, model: Any = None) -> tuple[Any, Any]:
        """Returns the optimizer with a group for each layer; a mapping of the user's own wins."""
        rates = self.layer_learning_rates()
        if rates:
            shown = ", ".join(f"{name} {rate:.2e}" for name, rate in rates.items())
            logger.info("Learning rates by layer: %s", shown)
        # A copy: what was asked of the run stays as it is.
        args = copy.copy(args)
        args.learning_rate_mapping = {**as_patterns(rates), **args.learning_rate_mapping}
        try:
            optimizer: tuple[Any, Any] = super().get_optimizer_cls_and_kwargs(args, model)
        except (ValueError, TypeError, ImportError, RuntimeError) as error:
            raise UserError(f"--optim {args.optim}: {one_line(error)}") from error
        return optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: Optimizer | None = None
    ) -> LRScheduler:
        """Returns the cosine with restarts, or any other schedule, which is the Trainer's own."""
        if not self.args.restarts_every_epoch:
            try:
                return super().create_scheduler(num_training_steps, optimizer)
            except (ValueError, TypeError) as error:
                named = f"--lr_scheduler_type {self.args.lr_scheduler_type.value}"
                raise UserError(f"{named}: {one_line(error)}") from error
        schedule = cosine_with_warm_restarts(optimizer or self.optimizer, self.steps_per_epoch)
        self.lr_scheduler = schedule
        self._created_lr_scheduler = True
        return schedule

    def collect_features(self, inputs: dict[str, Any]) -> Any:
        """Returns the columns of a batch and its labels; the model embeds all columns at once."""
        columns, labels = super().collect_features(inputs)
        self.model.embed_together(columns)
        return columns, labels

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the loss; the library merges no columns, since the model does it by text."""
        with column_merging_disabled():
            try:
                return super().compute_loss(*args, **kwargs)
            finally:
                self.model.embed_together(())

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Returns the loss of a step; the training ends at the first one that is not finite."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            raise UserError(self._not_finite(f"the loss of step {self.state.global_step + 1}"))
        return loss

    def _not_finite(self, what: str) -> str:
        good = find_newest_checkpoint(Path(self.args.output_dir))
        kept = f"the last good checkpoint is {good.as_posix()}" if good else "nothing was saved"
        return (
            f"{what} is not finite, so the training was stopped; {kept}. Train with a lower "
            "--learning-rate, or with --precision fp32"
        )

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Adds no callback: the stock card is not written."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # Every process comes here.
        if not self.args.should_save:
            return
        if not all(torch.isfinite(weights).all() for weights in self.model.parameters()):
            raise UserError(self._not_finite(f"a weight after step {self.state.global_step}"))
        folder = output_dir or self.args.output_dir
        record(Path(self.args.output_dir), [checkpoint_entry(Path(folder).name)])
        self.model.save_pretrained(folder, create_model_card=False)
        write_length(Path(folder))
        torch.save(self.args, os.path.join(folder, TRAINING_ARGS_NAME))


def set_dropout(model: SentenceTransformer, probability: float) -> None:
    """Sets the dropout of every layer for training; the saved configuration keeps its own.

    Args:
        model: The model to train.
        probability: Share of the activations to drop, in [0, 1).
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability
        # Some layers, as those of T5 and ModernBERT, hold a number and call the function.
        for name, value in vars(module).items():
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, probability)


def check_trainable(arguments: TrainingArguments, rows: int) -> None:
    """Refuses what would fail only after training has begun.

    Args:
        arguments: The Trainer's arguments.
        rows: Number of rows of the training half.

    Raises:
        UserError: The rows do not fill one batch, or the schedule has no warm-up.
    """
    if arguments.dataloader_drop_last:
        check_fills_a_batch(rows, arguments.train_batch_size)
    if arguments.restarts_every_epoch and arguments.warmup_steps:
        raise UserError(
            "--warmup_steps: cosine_with_restarts restarts every epoch and has no warm-up; "
            "add --lr_scheduler_type cosine"
        )


class EpochCallback(TrainerCallback):
    """Tells the sampler of the batches which epoch begins.

    transformers 5.3 to 5.12 does not where a resumed run skips the batches that it has seen: the
    rest of the epoch would be drawn as that of the first one.
    """

    def on_epoch_begin(
        self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **kwargs: Any
    ) -> None:
        """Sets the number of the epoch, from 0."""
        sampler = getattr(train_dataloader, "batch_sampler", None)
        while sampler is not None:
            if hasattr(sampler, "set_epoch"):
                # A resumed run begins within an epoch, another one at its end but for rounding.
                sampler.set_epoch(int((state.epoch or 0) + 1e-6))
            sampler = getattr(sampler, "batch_sampler", None)


def build_trainer(
    model: ChunkedSentenceTransformer,
    arguments: TrainingArguments,
    rows: Dataset,
    loss: nn.Module,
    evaluator: DomainRetrievalEvaluator,
    callbacks: list[TrainerCallback],
) -> PairsTrainer:
    """Returns the trainer.

    Args:
        model: The model to train, on its device.
        arguments: The Trainer's arguments.
        rows: The training half, as `training_rows` returns it.
        loss: The loss over these columns.
        evaluator: Runs at each evaluation.
        callbacks: Called in this order, after the Trainer's own.
    """
    # A copy: what was asked of the run stays as it is.
    arguments = copy.copy(arguments)
    arguments.router_mapping = {
        **column_routes(model, rows.column_names),
        **arguments.router_mapping,
    }
    trainer = PairsTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        loss=loss,
        evaluator=evaluator,
        callbacks=[EpochCallback(), *callbacks],
    )
    if takes_shared_negatives(loss):
        trainer.data_collator = SharedNegativesCollator(
            **{
                entry.name: getattr(trainer.data_collator, entry.name)
                for entry in dataclasses.fields(trainer.data_collator)
                if entry.init
            }
        )
    trainer.data_collator.prompts = column_prompts(model, rows.column_names)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    if on_terminal() and not arguments.disable_tqdm:
        trainer.add_callback(ProgressBarCallback())
    return trainer


def run_training(
    trainer: PairsTrainer, interruption: Interruption, checkpoint: Path | None
) -> float:
    """Trains, from a checkpoint if one is given.

    Returns:
        Duration in seconds, with the evaluations.

    Raises:
        Interrupted: A signal stopped the training after its state was saved.
        UserError: No batch could be drawn.
    """
    with interruption, lines_above_progress_bars():
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    step, folder = trainer.state.global_step, Path(trainer.args.output_dir)
    if interruption.signal_number:
        name = name_of(interruption.signal_number)
        raise Interrupted(
            f"stopped by {name} after step {step} of {trainer.state.max_steps}; its state is saved "
            f"in {folder.as_posix()}: {GO_ON}",
            interruption.signal_number,
        )
    if step == 0:
        raise UserError(
            f"{folder}: not one batch without equal texts could be drawn; use a smaller "
            "--batch-size, or pairs about more different passages"
        )
    return float(result.metrics["train_runtime"])

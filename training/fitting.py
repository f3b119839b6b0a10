"""Trains a model on one split, and scores what was saved: a run without its report and card."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from torch import nn
from transformers import TrainerCallback

from evaluation.mixing import MixingCurve
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from nic.logs import on_terminal
from nic.models import ModelSource, load_model
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.frozen.freezing import FreezeLayersCallback, Freezing
from training.frozen.kept_states import KeptStates
from training.known_answers import known_answers, scan_with_negatives
from training.loop import checkpoints
from training.loop.batch_sampler import takes_shared_negatives
from training.loop.checkpoints import BestCheckpoint
from training.loop.guide import learn_guide
from training.loop.interruption import Interruption
from training.loop.losses import build_loss
from training.loop.progress import RunLogCallback, log_score
from training.loop.reporters import Reporters
from training.loop.trainer import PairsTrainer, build_trainer, run_training
from training.mixing import OFF, mix_with_base, trained_weights
from training.run_data import RunData
from training.scoring import (
    Scored,
    check_saved_model,
    score_base,
    score_model,
    score_saved_model,
)
from training.training_rows import (
    HardNegatives,
    count_negatives,
    training_columns,
    training_rows,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """A model that was trained on one split.

    Attributes:
        model: The saved model, read back from the output folder.
        trainer: The trainer, with its log.
        freezing: What was frozen.
        negatives: Which hard negatives were trained on.
        best: The checkpoint that became the model.
        base: Results of the model before the training.
        tuned: Results of the saved model.
        mixing: What mixtures with the base find; None where none was asked for.
        seconds: Duration of the training, with its validations.
    """

    model: ChunkedSentenceTransformer
    trainer: PairsTrainer
    freezing: Freezing
    negatives: HardNegatives
    best: BestCheckpoint
    base: Scored
    tuned: Scored
    mixing: MixingCurve | None
    seconds: float


@dataclass(frozen=True)
class Training:
    """A training that is set up, and not begun.

    Attributes:
        model: The model to train.
        rows: What it is trained on.
        loss: The loss.
        trainer: The trainer.
        evaluator: Scores the validation queries.
        freezing: What is frozen.
        negatives: Which hard negatives are trained on.
        interruption: The signals of the training.
        half: The half precision of the training; None for fp32.
    """

    model: ChunkedSentenceTransformer
    rows: Dataset
    loss: nn.Module
    trainer: PairsTrainer
    evaluator: DomainRetrievalEvaluator
    freezing: Freezing
    negatives: HardNegatives
    interruption: Interruption
    half: torch.dtype | None

    def run(self, checkpoint: Path | None) -> float:
        """Trains, from a checkpoint if one is given; result and errors as in `run_training`."""
        learn_guide(self.loss, self.model, self.rows)
        self.model.run_in(self.half)
        return run_training(self.trainer, self.interruption, checkpoint)


def set_up_training(
    model: ChunkedSentenceTransformer,
    data: RunData,
    run: RunArguments,
    arguments: TrainingArguments,
    callbacks: Sequence[TrainerCallback] = (),
) -> Training:
    """Returns the training of a model on one split; its layers are frozen then.

    Args:
        model: The base model on its device, with the prompts and the dropout of the run.
        data: Pairs, split and tasks.
        run: The arguments of the run.
        arguments: The Trainer's arguments; the output folder is there.
        callbacks: Called after those that log, evaluate and save.
    """
    evaluator = DomainRetrievalEvaluator(data.task, show_progress=on_terminal())
    interruption = Interruption()
    freezing = FreezeLayersCallback(run.freeze_layers)
    keeping = checkpoints.CheckpointCallback(
        Path(arguments.output_dir), evaluator, run.patience, run.keep_checkpoints, interruption
    )
    pairs, mined = data.trained_pairs(run), data.mined.get(run.negatives)
    columns = training_columns(pairs, run.negatives_taken)
    rows = training_rows(pairs.dataset, data.training_rows, columns)
    # The processes share what a cached loss embeds at a time.
    at_a_time = run.mini_batch_size * arguments.world_size
    loss = build_loss(model, run.loss, {**vars(run), "mini_batch_size": at_a_time})
    shared = takes_shared_negatives(loss)
    negatives = count_negatives(pairs, data.training_rows, columns, shared, mined)
    ours = [freezing, RunLogCallback(evaluator), keeping, *callbacks]
    trainer = build_trainer(model, arguments, rows, loss, evaluator, ours)
    trainer.layer_lr_decay = run.layer_lr_decay
    if data.scan:
        scan = scan_with_negatives(data.scan, data.pairs, pairs) if mined else data.scan
        trainer.kept_apart = known_answers(scan, data.training_rows, run.negatives_taken, shared)
    half = torch.bfloat16 if arguments.bf16 else None
    return Training(
        model, rows, loss, trainer, evaluator, freezing.result, negatives, interruption, half
    )


def fit(
    model: ChunkedSentenceTransformer,
    data: RunData,
    run: RunArguments,
    arguments: TrainingArguments,
    reporters: Reporters,
    kept: KeptStates,
    checkpoint: Path | None = None,
) -> Fitted | None:
    """Trains a model, saves its best checkpoint in the output folder, and scores it there.

    Args:
        model: The base model on its device, with the prompts and the dropout of the run.
        data: Pairs, split and tasks.
        run: The arguments of the run.
        arguments: The Trainer's arguments; the output folder is there.
        reporters: Get the metrics.
        kept: The outputs of the frozen layers; they stay for the next training.
        checkpoint: The checkpoint to continue from; None begins anew.

    Returns:
        The model with its results; None in all processes but the first.

    Raises:
        Interrupted: A signal stopped the training after its state was saved.
        UserError: No batch could be drawn, or the saved model does not score as in training.
    """
    folder = Path(arguments.output_dir)
    training = set_up_training(model, data, run, arguments)
    evaluator, frozen = training.evaluator, training.freezing.frozen_layers
    weights = trained_weights(model) if run.mix != OFF else {}
    reporters.open(training.trainer)
    with model.remembering_tokens():
        kept.serve(model, frozen)
        base = score_base(model, evaluator, data)
        log_score(logger, "Base model", base.validation)
        reporters.report_base(evaluator.name, base.validation)
        seconds = training.run(checkpoint)
    if not arguments.should_save:
        return None
    best = checkpoints.promote_best(folder)
    source = ModelSource(folder.name, str(folder), "output folder")
    saved = load_model(source, arguments.device)
    kept.serve(saved, frozen)
    tuned = score_saved_model(folder, saved, evaluator, data, best, training.half)
    mixing = None
    if run.mix != OFF:
        mixing = mix_with_base(folder, saved, weights, data, evaluator, run.mix)
        mixed = evaluator.evaluate(saved)
        saved = load_model(source, arguments.device)
        kept.serve(saved, frozen)
        tuned = score_model(saved, evaluator, data)
        check_saved_model(folder, mixed, tuned.validation)
    return Fitted(
        saved,
        training.trainer,
        training.freezing,
        training.negatives,
        best,
        base,
        tuned,
        mixing,
        seconds,
    )

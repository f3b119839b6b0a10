"""Trains a model on one split, and scores what was saved: a run without its report and card."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.mixing import MixingCurve
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from nic.logs import on_terminal
from nic.models import ModelSource, load_model
from training.base_model import encoder_dtype
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.frozen.freezing import FreezeLayersCallback, Freezing
from training.frozen.kept_states import KeptStates
from training.known_answers import known_answers
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
from training.scoring import Scored, check_saved_model, score_model, score_saved_model
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
        negatives: How many of the file's negatives were trained on.
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
    dtype = encoder_dtype(run, arguments)
    half = None if dtype == torch.float32 else dtype
    evaluator = DomainRetrievalEvaluator(data.task, show_progress=on_terminal())
    interruption = Interruption()
    freezing = FreezeLayersCallback(run.freeze_layers)
    keeping = checkpoints.CheckpointCallback(
        folder, evaluator, run.patience, run.keep_checkpoints, interruption
    )
    columns = training_columns(data.pairs, run.negatives_taken)
    rows = training_rows(data.pairs.dataset, data.training_rows, columns)
    callbacks = [freezing, RunLogCallback(evaluator), keeping]
    loss = build_loss(model, run.loss, vars(run))
    shared = takes_shared_negatives(loss)
    negatives = count_negatives(data.pairs, data.training_rows, columns, shared)
    trainer = build_trainer(model, arguments, rows, loss, evaluator, callbacks)
    trainer.layer_lr_decay = run.layer_lr_decay
    if data.scan:
        trainer.kept_apart = known_answers(
            data.scan, data.training_rows, run.negatives_taken, shared
        )
    weights = trained_weights(model) if run.mix != OFF else {}
    reporters.open(trainer)
    with model.remembering_tokens():
        kept.serve(model, freezing.result.frozen_layers)
        base = score_model(model, evaluator, data)
        log_score(logger, "Base model", base.validation)
        reporters.report_base(evaluator.name, base.validation)
        learn_guide(loss, model, rows)
        model.run_in(half)
        seconds = run_training(trainer, interruption, checkpoint)
    if not arguments.should_save:
        return None
    best = checkpoints.promote_best(folder)
    source = ModelSource(folder.name, str(folder), "output folder")
    saved = load_model(source, arguments.device)
    kept.serve(saved, freezing.result.frozen_layers)
    tuned = score_saved_model(folder, saved, evaluator, data, best, half)
    mixing = None
    if run.mix != OFF:
        mixing = mix_with_base(folder, saved, weights, data, evaluator, run.mix)
        mixed = evaluator.evaluate(saved)
        saved = load_model(source, arguments.device)
        kept.serve(saved, freezing.result.frozen_layers)
        tuned = score_model(saved, evaluator, data)
        check_saved_model(folder, mixed, tuned.validation)
    return Fitted(saved, trainer, freezing.result, negatives, best, base, tuned, mixing, seconds)

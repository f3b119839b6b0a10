"""The order of a run: data, model, base score, training, final score, card, publication."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from evaluation.report.output import check_output, evaluation_folder, write_report
from evaluation.report.tables import show_summary
from evaluation.report.texts import Texts
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.summary import EvaluationSummary
from model_card.export.exportable import onnx_problem
from model_card.package.compatibility import check_packageable
from nic.chunked_model import ChunkedSentenceTransformer
from nic.devices import use_all_cores
from nic.encoding import Encoding
from nic.errors import UserError
from nic.logs import RunLog, log_lines, on_terminal, open_run_log, quiet_libraries
from nic.model_files import SPLIT
from nic.model_loading import loading_notes
from nic.models import ModelSource, fetch_model, find_model, load_model, pooling_not_needed
from pairs.split_file import save_split
from training.arguments import TrainingArguments
from training.asked_arguments import warn_outside_usual_range
from training.final_evaluation import (
    final_evaluation,
    load_base,
    score_model,
    score_saved_model,
)
from training.loop import checkpoints
from training.loop.freezing import FreezeLayersCallback, check_freezable
from training.loop.frozen_states import keep_frozen_states
from training.loop.interruption import Interruption
from training.loop.losses import build_loss
from training.loop.manifest import record_settings
from training.loop.output_folder import open_output_dir, refuse_inputs, refuse_taken
from training.loop.progress import RunLogCallback, log_score
from training.loop.prompts import column_prompts
from training.loop.reporters import Reporters, check_reporters, hold_reporters
from training.loop.run_lock import hold_output_folder
from training.loop.trainer import build_trainer, run_training, set_dropout, training_rows
from training.model_folder import describe_training, package
from training.publish_run import check_publication, publish_run
from training.resumed_settings import (
    describe_settings,
    refuse_other_settings,
    settings_to_record,
)
from training.run_arguments import RunArguments
from training.run_data import RunData, check_data, read_data, texts_by_precision

logger = logging.getLogger(__name__)


def fine_tune(run: RunArguments, arguments: TrainingArguments) -> EvaluationSummary | None:
    """Fine-tunes, evaluates and packages a model, and publishes it with `publish_to`.

    The job of `nic-train` without its command line. The log goes to standard error and to
    `training.log` in the output folder. `run.gate` sets the exit code of the command alone.

    Args:
        run: Data, base model, freezing, loss, evaluation and publication.
        arguments: The Trainer's arguments; `output_dir` is the folder of the model.

    Returns:
        The evaluation of the saved model against its base; None in all processes but the first.

    Raises:
        UserError: The arguments, the data, the model or the output folder do not fit.
        Interrupted: A signal stopped the training after its state was saved.
        GatesFailed: The model was to be published, and a gate failed.

    Example:
        ```python
        from training import RunArguments, TrainingArguments, fine_tune

        summary = fine_tune(
            RunArguments(data_file="my_pairs.jsonl", device="cpu"),
            TrainingArguments(output_dir="models/mine", num_train_epochs=3, use_cpu=True),
        )
        ```
    """
    check_same_device(run, arguments)
    folder, main_process = Path(arguments.output_dir), bool(arguments.should_save)
    with (
        open_run_log(main_process) as log,
        hold_output_folder(folder, main_process),
        hold_reporters() as reporters,
    ):
        summary = train(run, arguments, log, reporters)
        if summary:
            publish_run(folder, summary, run)
    return summary


def train(
    run: RunArguments,
    arguments: TrainingArguments,
    log: RunLog,
    reporters: Reporters | None = None,
) -> EvaluationSummary | None:
    """Takes pairs to a packaged model; arguments, result and errors as in `fine_tune`."""
    folder, main_process = Path(arguments.output_dir), bool(arguments.should_save)
    set_up_process(run, arguments)
    check_targets(run, folder)
    check_reporters(arguments)
    checkpoint = checkpoints.newest_checkpoint(folder) if run.resume else None

    data = read_data(run, arguments)
    source = find_base_model(run)
    refuse_inputs(folder, evaluation_folder(folder), {"--base-model": source.location})
    logger.info("Base model %s from %s", source.name, source.origin)
    model = load_trainable_model(source, run, arguments)
    settings = describe_settings(run, arguments, data, model)
    if checkpoint:
        refuse_other_settings(folder, checkpoint, settings, arguments.restarts_every_epoch)
    findings = check_data(data, source, run, arguments) if main_process else {}
    if main_process:
        open_output_folder(folder, run, data, settings, log)

    evaluator = DomainRetrievalEvaluator(data.task, show_progress=on_terminal())
    interruption = Interruption()
    freezing = FreezeLayersCallback(run.freeze_layers)
    keeping = checkpoints.CheckpointCallback(
        folder, evaluator, run.patience, run.keep_checkpoints, interruption
    )
    rows = training_rows(data.pairs.dataset, data.split.train)
    callbacks = [freezing, RunLogCallback(evaluator), keeping]
    loss = build_loss(model, run.loss, vars(run))
    trainer = build_trainer(model, arguments, rows, loss, evaluator, callbacks)
    reporters = reporters or Reporters()
    reporters.open(trainer)
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    frozen = freezing.result.frozen_layers
    with model.remembering_tokens():
        texts = texts_by_precision(data, dtype, column_prompts(model))
        states = keep_frozen_states(model, frozen, texts, run.frozen_cache_gb, folder)
        base = score_model(model, evaluator, data)
        log_score(logger, "Base model", base.validation)
        reporters.report_base(evaluator.name, base.validation)
        model.run_in(torch.bfloat16 if arguments.bf16 else None)
        seconds = run_training(trainer, interruption, checkpoint)
    if not main_process:
        return None

    best = checkpoints.promote_best(folder)
    saved = load_model(ModelSource(folder.name, str(folder), "output folder"), arguments.device)
    tuned = score_saved_model(folder, saved, evaluator, data, best, dtype, states)
    training = describe_training(run, arguments, trainer, freezing.result, best, base, seconds)
    summary = final_evaluation(
        folder,
        data,
        source,
        saved,
        base,
        tuned,
        training["history"],
        best.step,
        run,
    )
    reporters.report_gates(summary.gates)
    package(folder, data, findings, source, saved, training, summary, run)
    write_report(summary, evaluation_folder(folder), Texts.of(data.final_task))
    checkpoints.remove_temporary_checkpoints(folder)
    log_result(summary, folder)
    return summary


def check_same_device(run: RunArguments, arguments: TrainingArguments) -> None:
    """Refuses a device that the Trainer's arguments contradict.

    Raises:
        UserError: `run.device` names another kind of device than the Trainer takes.
    """
    taken = arguments.device.type
    if run.device not in ("auto", taken):
        raise UserError(
            f'device="{run.device}": the Trainer takes {taken}; for a CPU give '
            "TrainingArguments(use_cpu=True) too, for a GPU leave use_cpu out"
        )


def set_up_process(run: RunArguments, arguments: TrainingArguments) -> None:
    """Sets logging, threads and seed of this process, and warns of unusual arguments."""
    quiet_libraries()
    use_all_cores()
    set_seed(arguments.seed)
    logger.info("Random seed set to %d", arguments.seed)
    warn_outside_usual_range(run, arguments)


def check_targets(run: RunArguments, folder: Path) -> None:
    """Refuses folders and names that cannot be written to or published, before any work.

    Raises:
        UserError: The output folder is taken, or the name of the repository is not allowed.
    """
    refuse_inputs(folder, evaluation_folder(folder), run.inputs())
    refuse_taken(folder, run.resume, run.force)
    check_output(evaluation_folder(folder), force=True)
    check_publication(run)


def find_base_model(run: RunArguments) -> ModelSource:
    """Returns where the base model comes from; it is on this machine then.

    Raises:
        UserError: It is not found or no model, or a pooling is given beside its own.
    """
    source = fetch_model(find_model(run.base_model, run.base_revision, run.pooling))
    if run.pooling and not source.pooling:
        raise pooling_not_needed(run.pooling, run.base_model)
    return source


def load_trainable_model(
    source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> ChunkedSentenceTransformer:
    """Returns the base model on its device, with the prompts and the dropout of the run.

    Raises:
        UserError: It is not found, a prompt is too long, its layers cannot be frozen, or it could
            not be packaged.
    """
    model = load_base(source, run, arguments.device)
    logger.info("Encoding: %s", Encoding.of(model))
    for note in loading_notes(source.name, Path(source.location), model):
        logger.info("%s", note)
    check_packageable(model, source.name)
    if problem := onnx_problem(model):
        logger.warning("%s: the trained model will have no ONNX variant: %s", source.name, problem)
    set_dropout(model, run.dropout)
    check_freezable(model, run.freeze_layers)
    return model


def open_output_folder(
    folder: Path, run: RunArguments, data: RunData, settings: dict[str, Any], log: RunLog
) -> None:
    """Creates the output folder with the log, the split and the settings of the run."""
    open_output_dir(folder, run.force)
    log.open_file(folder, append=run.resume)
    save_split(data.split, data.pairs, folder / SPLIT)
    record_settings(folder, settings_to_record(folder, settings))


def log_result(summary: EvaluationSummary, folder: Path) -> None:
    """Logs the evaluation, and how to load the model."""
    log_lines(logger, show_summary(summary))
    logger.info("Model saved to %s", folder.as_posix())
    logger.info('Load it with SentenceTransformer("%s")', folder.as_posix())

"""Fine-tune, evaluate and package a sentence-embedding model.

    accelerate launch --config_file accelerate_config.yaml training/train.py

On a laptop, one quick epoch:

    python training/train.py --config training/recipes/cpu.yaml --epochs 1 --output-dir models/quick
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from transformers import set_seed

from evaluation.gates import require_passed
from evaluation.report.output import check_output, evaluation_folder, write_report
from evaluation.report.tables import show_summary
from evaluation.report.texts import Texts
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.summary import EvaluationSummary
from nic.devices import use_all_cores
from nic.errors import one_line_errors
from nic.logs import (
    RunLog,
    log_lines,
    on_terminal,
    open_run_log,
    quiet_libraries,
)
from nic.model_files import SPLIT
from nic.models import ModelSource, find_model, load_model
from pairs.split_file import save_split
from training.arguments import (
    RunArguments,
    TrainingArguments,
    parse_arguments,
    warn_outside_usual_range,
)
from training.final_evaluation import check_saved_model, final_evaluation, score_model
from training.loop import checkpoints
from training.loop.freezing import FreezeLayersCallback, check_freezable
from training.loop.interruption import Interruption
from training.loop.losses import build_loss
from training.loop.progress import RunLogCallback, log_score
from training.loop.trainer import (
    build_trainer,
    run_training,
    set_dropout,
    training_rows,
)
from training.model_folder import describe_training, package
from training.publish_run import check_publication, publish_run
from training.run_data import check_data, read_data

logger = logging.getLogger("training.train")


@one_line_errors
def main() -> None:
    """Run the pipeline on the command line's arguments."""
    run, arguments = parse_arguments()
    with open_run_log(main_process=bool(arguments.should_save)) as log:
        summary = train(run, arguments, log)
        if summary:
            publish_run(Path(arguments.output_dir), summary, run)
    if summary and run.gate:
        require_passed(summary.gates)


def train(run: RunArguments, arguments: TrainingArguments, log: RunLog) -> EvaluationSummary | None:
    """Take pairs to a published model.

    Args:
        run: This project's arguments.
        arguments: The Trainer's arguments.
        log: Where the run's lines go.

    Returns:
        What the saved model, read back from disk, amounts to; None in all processes but the first.

    Raises:
        UserError: Anything that the user can put right.
        Interrupted: A signal came in; the state was saved.
    """
    folder, main_process = Path(arguments.output_dir), bool(arguments.should_save)
    quiet_libraries()
    use_all_cores()
    set_seed(arguments.seed)
    logger.info("Random seed set to %d", arguments.seed)
    warn_outside_usual_range(run, arguments)
    checkpoints.refuse_taken(folder, run.resume, run.force)
    check_output(evaluation_folder(folder), force=True)
    check_publication(run)
    checkpoint = checkpoints.newest_checkpoint(folder) if run.resume else None

    data = read_data(run, arguments)
    source = find_model(run.base_model)
    logger.info("Base model %s from %s", source.name, source.origin)
    model = load_model(source, arguments.device)
    set_dropout(model, run.dropout)
    check_freezable(model, run.freeze_layers)
    findings = check_data(data, source, run, arguments) if main_process else {}
    if main_process:
        checkpoints.open_output_dir(folder, run.force)
        log.open_file(folder, append=run.resume)
        save_split(data.split, data.pairs, folder / SPLIT)

    evaluator = DomainRetrievalEvaluator(data.task, show_progress=on_terminal())
    interruption = Interruption()
    freezing = FreezeLayersCallback(run.freeze_layers, run.frozen_cache_gb)
    keeping = checkpoints.CheckpointCallback(
        folder, evaluator, run.patience, run.keep_checkpoints, interruption
    )
    rows = training_rows(data.pairs.dataset, data.split.train)
    callbacks = [freezing, RunLogCallback(evaluator), keeping]
    loss = build_loss(model, run.loss, vars(run))
    trainer = build_trainer(model, arguments, rows, loss, evaluator, callbacks)
    base = score_model(model, evaluator, data)
    log_score(logger, "Base model", base.validation)
    seconds = run_training(trainer, interruption, checkpoint)
    if not main_process:
        return None

    best = checkpoints.promote_best(folder)
    saved = load_model(ModelSource(folder.name, str(folder), "output folder"), arguments.device)
    tuned = score_model(saved, evaluator, data)
    check_saved_model(folder, best, tuned.validation)
    training = describe_training(run, arguments, trainer, freezing.result, best, seconds)
    history = training["history"]
    summary = final_evaluation(folder, data, source, saved, base, tuned, history, run.speed)
    package(folder, data, findings, source, saved, training, summary)
    write_report(summary, evaluation_folder(folder), Texts.of(data.final_task))
    checkpoints.remove_temporary_checkpoints(folder)
    log_lines(logger, show_summary(summary))
    logger.info("Model saved to %s", folder.as_posix())
    logger.info('Load it with SentenceTransformer("%s")', folder.as_posix())
    return summary


if __name__ == "__main__":
    sys.exit(main())

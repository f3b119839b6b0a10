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

from evaluation.domain_evaluator import DomainRetrievalEvaluator, RetrievalReport
from evaluation.tables import compare_models
from training import checkpoints
from training.arguments import (
    RunArguments,
    TrainingArguments,
    parse_arguments,
    warn_outside_usual_range,
)
from training.base_model import find_model, load_model
from training.data import look_over, read_data
from training.errors import one_line_errors
from training.freezing import FreezeLayersCallback, check_freezable
from training.interruption import Interruption
from training.package import describe_training, package, verify_saved_model
from training.run_log import (
    RunLog,
    RunLogCallback,
    log_lines,
    log_score,
    on_terminal,
    open_run_log,
    quiet_libraries,
)
from training.split import save_split
from training.threads import use_all_cores
from training.trainer import (
    build_loss,
    build_trainer,
    run_training,
    set_dropout,
    training_rows,
)

logger = logging.getLogger("training.train")


@one_line_errors
def main() -> None:
    """Run the pipeline on the command line's arguments."""
    run, arguments = parse_arguments()
    with open_run_log(main_process=bool(arguments.should_save)) as log:
        train(run, arguments, log)


def train(run: RunArguments, arguments: TrainingArguments, log: RunLog) -> RetrievalReport:
    """Take pairs to a published model.

    Args:
        run: This project's arguments.
        arguments: The Trainer's arguments.
        log: Where the run's lines go.

    Returns:
        The figures of the saved model, read back from disk.

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
    checkpoint = checkpoints.newest_checkpoint(folder) if run.resume else None

    data = read_data(run, arguments)
    source = find_model(run.base_model)
    logger.info("Base model %s from %s", source.name, source.origin)
    model = load_model(source, arguments.device)
    set_dropout(model, run.dropout)
    check_freezable(model, run.freeze_layers)
    findings = look_over(data, source, run, arguments) if main_process else {}
    if main_process:
        checkpoints.open_output_dir(folder, run.force)
        log.open_file(folder, append=run.resume)
        save_split(data.split, data.pairs, folder / checkpoints.SPLIT)

    evaluator = DomainRetrievalEvaluator(data.task, show_progress=on_terminal())
    interruption = Interruption()
    freezing = FreezeLayersCallback(run.freeze_layers, run.frozen_cache_gb)
    keeping = checkpoints.CheckpointCallback(
        folder, evaluator, run.patience, run.keep_checkpoints, interruption
    )
    rows = training_rows(data.pairs.dataset, data.split.train)
    callbacks = [freezing, RunLogCallback(evaluator), keeping]
    loss = build_loss(model, run)
    trainer = build_trainer(model, arguments, rows, loss, evaluator, callbacks)
    base = evaluator.evaluate(model)
    log_score(logger, "Base model", base)
    seconds = run_training(trainer, interruption, checkpoint)
    if not main_process:
        return base

    best = checkpoints.promote_best(folder)
    tuned = verify_saved_model(folder, evaluator, best, arguments.device)
    training = describe_training(run, arguments, trainer, freezing.result, best, seconds)
    package(folder, data, findings, source, model, training, base, tuned, arguments.device)
    checkpoints.tidy(folder)
    log_lines(logger, compare_models({"base": base, "tuned": tuned}))
    logger.info("Model saved to %s", folder.as_posix())
    logger.info('Load it with SentenceTransformer("%s")', folder.as_posix())
    return tuned


if __name__ == "__main__":
    sys.exit(main())

"""The order of a run: data, model, base score, training, final score, card, publication."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import set_seed

from evaluation.report.output import check_output, evaluation_folder, write_report
from evaluation.report.tables import show_summary
from evaluation.report.texts import Texts
from evaluation.summary import EvaluationSummary
from evaluation.trials import Search
from nic.chunked_model import ChunkedSentenceTransformer
from nic.devices import check_launch, use_all_cores
from nic.errors import UserError
from nic.logs import RunLog, log_lines, open_run_log, quiet_libraries
from nic.model_files import CARD, METADATA, MODULES, SPLIT
from nic.models import ModelSource
from pairs.split_counts import describe_split
from pairs.split_file import save_split
from training.base_model import find_base_model, load_trainable_model
from training.command.arguments import TrainingArguments
from training.command.asked_arguments import warn_outside_usual_range
from training.command.resumed_settings import (
    NO_SEARCH,
    describe_settings,
    refuse_other_settings,
    settings_to_record,
)
from training.command.run_arguments import RunArguments
from training.command.search_arguments import SearchArguments
from training.cross_validation import CrossValidation
from training.final_evaluation import final_evaluation
from training.fitting import fit
from training.frozen.kept_states import KeptStates
from training.held_out import Names, held_out_results
from training.known_answers import ANSWERS
from training.loop import checkpoints
from training.loop.reporters import Reporters, check_reporters, hold_reporters
from training.negatives.of_run import with_mined
from training.output.manifest import record_settings
from training.output.model_folder import describe_training, package
from training.output.output_folder import open_output_dir, refuse_inputs, refuse_taken
from training.output.publish_run import check_publication, publish_run, refuse_quotations
from training.output.run_lock import hold_output_folder
from training.resuming import checkpoint_to_resume, say_how_to_go_on
from training.run_data import (
    NONE,
    RunData,
    check_data,
    read_data,
    without_flagged,
    without_test_part,
)
from training.search.plan import Plan, plan_search, read_given_space
from training.search.settings import apply_settings
from training.training_rows import check_negatives

logger = logging.getLogger(__name__)


def fine_tune(
    run: RunArguments, arguments: TrainingArguments, search: SearchArguments | None = None
) -> EvaluationSummary | None:
    """Fine-tunes, evaluates and packages a model, and publishes it with `publish_to`.

    The job of `nic-train`, and of `nic-tune`, without its command line. The log goes to standard
    error and to `training.log` in the output folder. `run.gate` sets the exit code of the command
    alone.

    Args:
        run: Data, base model, freezing, loss, evaluation and publication.
        arguments: The Trainer's arguments; `output_dir` is the folder of the model.
        search: What to search over the settings first; None trains with those that are given.

    Returns:
        The evaluation of the saved model against its base; None in all processes but the first.

    Raises:
        UserError: The arguments, the data, the model or the output folder do not fit.
        Interrupted: A signal stopped the run; the message says what is saved.
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
        say_how_to_go_on(folder, run, search),
        open_run_log(main_process) as log,
        hold_output_folder(folder, main_process),
        hold_reporters() as reporters,
    ):
        summary = train(run, arguments, log, reporters, search)
        if summary:
            publish_run(folder, summary, run)
    return summary


def train(
    run: RunArguments,
    arguments: TrainingArguments,
    log: RunLog,
    reporters: Reporters,
    search: SearchArguments | None = None,
) -> EvaluationSummary | None:
    """Takes pairs to a packaged model; arguments, result and errors as in `fine_tune`."""
    folder, main_process = Path(arguments.output_dir), bool(arguments.should_save)
    if run.query_adapter:
        # Its steps cost nothing, and the passages are those of an index in fp32.
        arguments = arguments.in_fp32()
    set_up_process(run, arguments)
    arguments.check_processes()
    check_targets(run, folder, search)
    check_reporters(arguments)
    checkpoint = checkpoint_to_resume(folder, run, search)
    given = None
    if search:
        given, run, arguments = read_given_space(search, run, arguments)

    data = read_data(run, arguments)
    refuse_quotations(run, folder, data.pairs)
    check_negatives(run, data.pairs, data.split.train)
    source = find_base_model(run)
    refuse_inputs(folder, evaluation_folder(folder), {"--base-model": source.location})
    logger.info("Base model %s from %s", source.name, source.origin)
    model = load_trainable_model(source, run, arguments)
    plan = plan_search(search, given, run, arguments, model, data) if search else None
    asked = plan.describe() if plan else NO_SEARCH
    settings = describe_settings(run, arguments, data, model, asked)
    if run.resume:
        refuse_other_settings(folder, checkpoint, settings, arguments.restarts_every_epoch)
    report = None
    if main_process or run.drop_flagged != NONE or run.keep_apart == ANSWERS:
        report, scan = check_data(data, source, run, arguments)
        data = without_flagged(data, report, run.drop_flagged, arguments)
        data = replace(data, scan=scan if run.keep_apart == ANSWERS else None)
    if main_process:
        open_output_folder(folder, run, data, settings, log)

    kept = KeptStates.of_run(data, run, arguments)
    modes = map(str, plan.values("negatives", run.negatives) if plan else [run.negatives])
    data = with_mined(data, model, run, modes, None if plan else kept)
    trials = None
    if plan:
        trials = search_settings(plan, source, data, run, arguments)
        run, arguments, model = chosen_settings(trials, source, run, arguments)
        counts = describe_split(data.split, data.pairs, run.given_taken)
        data = replace(data, counts=counts)
        kept = KeptStates.of_run(data, run, arguments)
    names = Names.of(folder, source)
    folds = CrossValidation(source, data, run, arguments, kept, names)
    pooled = folds.results() if data.folds else None
    fitted = fit(model, data, run, arguments, reporters, kept, checkpoint)
    kept.free()
    if fitted is None:
        return None
    training = describe_training(run, arguments, fitted)
    held_out = pooled or held_out_results(data, fitted, run, names)
    history = training["history"]
    summary = final_evaluation(folder, data, source, fitted, held_out, names, history, run, trials)
    reporters.report_gates(summary.gates)
    package(folder, data, report, source, fitted.model, training, summary, run)
    write_report(summary, evaluation_folder(folder), Texts.of(held_out.task))
    checkpoints.remove_temporary_checkpoints(folder)
    log_result(summary, folder)
    return summary


def search_settings(
    plan: Plan,
    source: ModelSource,
    data: RunData,
    run: RunArguments,
    arguments: TrainingArguments,
) -> Search:
    """Returns the trials of a search, which see no query of the test part."""
    # Imported here: Optuna is an extra.
    from training.search.search import SettingsSearch

    return SettingsSearch(source, without_test_part(data), run, arguments, plan).results()


def chosen_settings(
    search: Search, source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> tuple[RunArguments, TrainingArguments, ChunkedSentenceTransformer]:
    """Returns the arguments with the settings that a search has chosen, and the base model anew."""
    run, arguments = apply_settings(run, arguments, search.trials[search.chosen].settings)
    set_seed(arguments.seed)
    return run, arguments, load_trainable_model(source, run, arguments)


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
    check_launch()
    use_all_cores()
    set_seed(arguments.seed)
    logger.info("Random seed set to %d", arguments.seed)
    warn_outside_usual_range(run, arguments)


def check_targets(run: RunArguments, folder: Path, search: SearchArguments | None) -> None:
    """Refuses folders and names that cannot be written to or published, before any work.

    Raises:
        UserError: The output folder is taken, or nothing can be published as it is asked.
    """
    read = {**run.inputs(), "--space": search.space if search else None}
    refuse_inputs(folder, evaluation_folder(folder), read)
    refuse_taken(folder, run.resume, run.force)
    check_output(evaluation_folder(folder), force=True)
    check_publication(run)


def open_output_folder(
    folder: Path, run: RunArguments, data: RunData, settings: dict[str, Any], log: RunLog
) -> None:
    """Creates the output folder with the log, the split and the settings of the run."""
    open_output_dir(folder, run.force)
    log.open_file(folder, append=run.resume)
    save_split(data.split, data.pairs, folder / SPLIT)
    record_settings(folder, settings_to_record(folder, settings))


def log_result(summary: EvaluationSummary, folder: Path) -> None:
    """Logs the evaluation, and how to load the model.

    Raises:
        UserError: The model is gone.
    """
    log_lines(logger, show_summary(summary))
    if missing := [name for name in (MODULES, METADATA, CARD) if not (folder / name).is_file()]:
        raise UserError(
            f"{folder}: {missing[0]} is gone, removed while the run wrote there; train again"
        )
    logger.info("Model saved to %s", folder.as_posix())
    logger.info('Load it with SentenceTransformer("%s")', folder.as_posix())

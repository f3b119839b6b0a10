"""A search over training settings: trains each trial, and takes the settings of the best one."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
from accelerate import PartialState
from transformers import set_seed

from evaluation.report.trials import show_settings, show_trials
from evaluation.retrieval.evaluator import VALIDATION
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from evaluation.trials import COMPLETE, FAILED, PRUNED, Search, Settings, State, Trial, best_trial
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError, one_line, out_of_memory
from nic.logs import errors_only, log_lines
from nic.model_files import TRIAL
from nic.models import ModelSource
from training.base_model import check_settings, load_base
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.fitting import set_up_training
from training.frozen.kept_states import KeptStates
from training.loop.checkpoints import open_part
from training.loop.trainer import check_trainable
from training.mixing import OFF
from training.run_data import RunData
from training.search.plan import Plan
from training.search.records import read_trials, write_trials
from training.search.reporting import TrialCallback
from training.search.sampling import draw_trial
from training.search.settings import apply_settings
from training.training_rows import check_negatives

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SettingsSearch:
    """Trains one model for each trial, and scores it on the validation queries alone.

    Attributes:
        source: Where the base model comes from.
        data: The data of the run; its test part is not used.
        run: The arguments of the run; those that are searched are the settings of the first trial.
        arguments: The Trainer's arguments, likewise.
        plan: What is searched, from where, and how often.
    """

    source: ModelSource
    data: RunData
    run: RunArguments
    arguments: TrainingArguments
    plan: Plan

    def results(self) -> Search:
        """Returns all trials, and which one is the best.

        Finished ones are kept in the output folder: a resumed run goes on with the one that was
        stopped.

        Raises:
            Interrupted: A signal stopped a training after its state was saved.
            UserError: No trial could be trained.
        """
        folder = Path(self.arguments.output_dir)
        trials = read_trials(folder) if self.run.resume else []
        if trials:
            logger.info("%d of %d trials: finished before", len(trials), self.plan.trials)
        logger.info("Searching %s in %d trials", ", ".join(self.plan.space), self.plan.trials)
        kept = SharedStates(self.data, self.run, self.arguments)
        while len(trials) < self.plan.trials:
            trials.append(self._run_trial(trials, kept))
            if self.arguments.should_save:
                write_trials(folder, trials)
                shutil.rmtree(folder / TRIAL.format(trials[-1].number), ignore_errors=True)
            log_trial(trials, self.plan.trials)
        kept.free()
        best = best_trial(trials)
        if best is None:
            raise UserError(f"{folder}: no trial was trained to its end; {trials[0].reason}")
        search = Search(trials, best.number)
        log_lines(logger, show_trials(search))
        logger.info("Training with the settings of trial %d", best.number)
        return search

    def _run_trial(self, before: Sequence[Trial], kept: SharedStates) -> Trial:
        """Trains the next trial, from its checkpoint where it was stopped."""
        number, started = len(before), time.monotonic()
        drawn = draw_trial(self.plan.space, before, self.arguments.seed)
        settings: Settings = {**drawn.params} if number else self.plan.first
        following = TrialCallback(drawn, VALIDATION)
        state: State = COMPLETE
        reason = ""
        with errors_only():
            try:
                self._train(number, settings, following, kept)
            except optuna.TrialPruned:
                state = PRUNED
            except (UserError, RuntimeError, MemoryError) as error:
                if not self._is_of_its_settings(error):
                    raise
                folder = Path(self.arguments.output_dir) / TRIAL.format(number)
                state = FAILED
                reason = one_line(error, 200).removeprefix(f"{folder}: ")
        seconds = round(time.monotonic() - started, 1)
        return Trial(number, settings, state, following.validations, seconds, reason)

    def _train(
        self, number: int, settings: Settings, following: TrialCallback, kept: SharedStates
    ) -> None:
        # No process begins a trial while another one still ends that before it.
        PartialState().wait_for_everyone()
        run, arguments = apply_settings(self.run, self.arguments, settings)
        arguments, checkpoint = open_part(arguments, TRIAL.format(number), run.resume)
        run = replace(run, keep_checkpoints=1, mix=OFF)
        # The same draws in each trial, whatever was trained before it.
        set_seed(arguments.seed)
        model = load_base(self.source, run, arguments.device)
        check_settings(model, run)
        check_trainable(arguments, len(self.data.training_rows))
        check_negatives(run, self.data.pairs, self.data.training_rows)
        training = set_up_training(model, self.data, run, arguments, [following])
        with model.remembering_tokens():
            kept.serve(model, training.freezing.frozen_layers)
            training.run(checkpoint)

    def _is_of_its_settings(self, error: BaseException) -> bool:
        """Whether other settings may do; of several processes one alone may have failed."""
        alone = self.arguments.world_size == 1
        return alone and (isinstance(error, UserError) or out_of_memory(error))


class SharedStates:
    """The outputs of the frozen layers for the trials that freeze as many as the one before.

    Args:
        data: The data of the run.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
    """

    def __init__(self, data: RunData, run: RunArguments, arguments: TrainingArguments) -> None:
        self._data = data
        self._run = run
        self._arguments = arguments
        self._frozen = 0
        self._kept: KeptStates | None = None

    def serve(self, model: ChunkedSentenceTransformer, frozen: int) -> None:
        """Lets a model use them, and no other one from now on.

        Args:
            model: A model whose bottom layers are those of the base model.
            frozen: Number of frozen bottom layers.
        """
        if self._kept is None or frozen != self._frozen:
            self.free()
            folder = Path(self._arguments.output_dir)
            dtype = self._arguments.dtype
            columns, gib = self._data.pairs.text_columns, self._run.frozen_cache_gb
            self._kept = KeptStates(self._data, columns, dtype, gib, folder)
            self._frozen = frozen
        self._kept.serve(model, frozen)

    def free(self) -> None:
        """Leaves the last model as it was, and frees the memory."""
        if self._kept:
            self._kept.free()
        self._kept = None


def log_trial(trials: Sequence[Trial], planned: int) -> None:
    """Logs one line about the trial that has just ended."""
    trial, best = trials[-1], best_trial(trials)
    found = f"{trial.state} in {trial.seconds:.0f} s"
    if trial.best:
        values = zip(CHECKPOINT_METRICS, trial.best.score, strict=True)
        shown = ", ".join(f"{metric.title}={value:.4f}" for metric, value in values)
        found += f": {shown} at epoch {trial.best.epoch:g}"
    if trial.reason:
        found += f": {trial.reason}"
    number = f"Trial {trial.number} ({trial.number + 1} of {planned})"
    so_far = f"; best so far: trial {best.number}" if best else ""
    logger.info("%s %s; %s%s", number, found, show_settings(trial.settings), so_far)

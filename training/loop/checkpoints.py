"""Checkpoints: `checkpoint-epoch-N/`, `checkpoint-best/`, and resuming."""

from __future__ import annotations

import copy
import json
import logging
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME

from evaluation.retrieval.evaluator import VALIDATION, DomainRetrievalEvaluator, RetrievalReport
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from evaluation.serialization import report_from_json, report_to_json
from nic.errors import UserError
from nic.files import atomic_folder, load_json, replace_folder, sync_folder
from nic.model_files import BESIDE_THE_MODEL, FOLD, TRIAL, checkpoint_folders
from nic.model_length import write_length
from training.command.arguments import TrainingArguments
from training.loop.damage import find_damage, find_damaged_weights
from training.loop.interruption import Interruption
from training.loop.progress import epoch_and_batch
from training.output.manifest import BEST, checkpoint_entry, record
from training.output.output_folder import INCOMPLETE

logger = logging.getLogger(__name__)

EVALUATION = "evaluation.json"
STEP_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
EPOCH_CHECKPOINT = re.compile(r"checkpoint-epoch-(\d+)")

Score = tuple[float, ...]


@dataclass(frozen=True)
class BestCheckpoint:
    """The best checkpoint so far.

    Attributes:
        step: Optimizer steps after which it was saved.
        report: Its metrics.
    """

    step: int
    report: RetrievalReport

    @property
    def score(self) -> Score:
        """The metrics that checkpoints are compared by: the primary one, then the tie-breaker."""
        return tuple(self.report.overall[metric.key] for metric in CHECKPOINT_METRICS)


def newest_checkpoint(folder: Path) -> Path:
    """Returns the complete checkpoint with the most steps, as `find_newest_checkpoint` does.

    Raises:
        UserError: There is none, or the best checkpoint that it knew of is lost.
    """
    found = find_newest_checkpoint(folder)
    if found is None:
        raise UserError(
            f"{folder}: holds no complete checkpoint to go on from; start anew with --force"
        )
    return found


def find_newest_checkpoint(folder: Path) -> Path | None:
    """Returns the complete checkpoint with the most steps; None where there is none.

    A damaged one is passed over with a warning.

    Raises:
        UserError: All are damaged, or the best checkpoint that it knew of is lost.
    """
    steps = {path: _steps(path) for path in folder.glob("checkpoint-*") if path.name != BEST}
    complete = [path for path in sorted(steps, key=lambda path: -steps[path]) if steps[path]]
    damaged = ""
    for path in complete:
        if not (problem := find_damage(path)):
            _require_best(folder, path)
            return path
        logger.warning("%s: %s; looking for the one before", path.as_posix(), problem)
        damaged = damaged or f"{path}: {problem}"
    if damaged:
        raise UserError(
            f"{damaged}, and there is no other checkpoint that is whole; start anew with --force"
        )
    return None


def _require_best(folder: Path, checkpoint: Path) -> None:
    """Refuses to go on without the best model so far: a later, worse one would take its place."""
    state = load_json(checkpoint / TRAINER_STATE_NAME)
    key = f"eval_{VALIDATION}_{CHECKPOINT_METRICS[0].key}"
    evaluated = any(key in entry and entry["step"] > 0 for entry in state["log_history"])
    if not evaluated:
        return
    lost = "is missing" if load_best(folder) is None else find_damaged_weights(folder / BEST)
    if lost:
        raise UserError(
            f"{folder / BEST}: {lost}, and no later checkpoint can stand in for the best one; put "
            "it back, or start anew with --force"
        )


def open_part(
    arguments: TrainingArguments, name: str, resume: bool
) -> tuple[TrainingArguments, Path | None]:
    """Creates the folder of one training of a run that has several, inside its output folder.

    Args:
        arguments: The Trainer's arguments of the run; its output folder is there.
        name: Name of the folder.
        resume: Whether it may go on from a checkpoint.

    Returns:
        The arguments of that training, which reports to nobody, and the checkpoint to go on from.
    """
    folder = Path(arguments.output_dir) / name
    checkpoint = find_newest_checkpoint(folder) if resume else None
    if arguments.should_save:
        record(folder.parent, [checkpoint_entry(name)])
        folder.mkdir(exist_ok=True)
    own = copy.copy(arguments)
    own.output_dir, own.report_to = str(folder), []
    return own, checkpoint


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Saves a model atomically, without the stock card, which quotes training rows."""
    with atomic_folder(folder, folder.with_name(folder.name + INCOMPLETE)) as staged:
        model.save_pretrained(str(staged), create_model_card=False)
        write_length(staged)


def promote_best(folder: Path) -> BestCheckpoint:
    """Copies the model of `checkpoint-best` to the root of the output folder.

    Returns:
        The checkpoint with its metrics.

    Raises:
        UserError: There is no best checkpoint.
    """
    best = load_best(folder)
    if best is None:
        raise UserError(f"{folder}: holds no {BEST}; train again with --force")
    copy_model(folder / BEST, folder)
    return best


def copy_model(source: Path, folder: Path) -> None:
    """Copies the model of a checkpoint to the root of the output folder, file by file."""
    files = [
        path.relative_to(source)
        for path in sorted(source.rglob("*"))
        if path.is_file() and not BESIDE_THE_MODEL.fullmatch(path.name)
    ]
    record(folder, [file.as_posix() for file in files])
    for file in files:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(target.name + INCOMPLETE)
        try:
            shutil.copyfile(source / file, staged)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)


def remove_temporary_checkpoints(folder: Path) -> None:
    """Removes what only an unfinished run needs.

    These are step checkpoints, the folders of single folds and trials, and an empty `eval` folder.
    """
    parts = (FOLD.format(""), TRIAL.format(""))
    for path in list(checkpoint_folders(folder)):
        unfinished = path.name.endswith(INCOMPLETE) or path.name.startswith(parts)
        if STEP_CHECKPOINT.fullmatch(path.name) or unfinished:
            shutil.rmtree(path)
    evaluations = folder / "eval"
    if evaluations.is_dir() and not any(evaluations.iterdir()):
        evaluations.rmdir()


class CheckpointCallback(TrainerCallback):
    """Evaluates after each epoch, keeps the best model, names and limits the checkpoints.

    Its state is the Trainer's state and the files on disk, so a resumed run continues as if it had
    not stopped.

    Args:
        folder: The output folder.
        evaluator: Its latest report is saved with the best checkpoint.
        patience: Evaluations without a better one after which training ends; 0: no limit.
        keep: Number of epoch checkpoints to keep; 0: all.
        interruption: The signals of this run.
    """

    def __init__(
        self,
        folder: Path,
        evaluator: DomainRetrievalEvaluator,
        patience: int,
        keep: int,
        interruption: Interruption,
    ) -> None:
        self.folder = folder
        self.evaluator = evaluator
        self.keys = [f"eval_{evaluator.name}_{metric.key}" for metric in CHECKPOINT_METRICS]
        self.patience = patience
        self.keep = keep
        self.interruption = interruption

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Saves and stops after a signal."""
        if self.interruption.came_in_anywhere(args.world_size, args.device):
            control.should_save = control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Asks for an evaluation, unless this step had one, or a signal stopped the epoch."""
        evaluations = [entry for entry in state.log_history if self.keys[0] in entry]
        done = bool(evaluations) and evaluations[-1]["step"] == state.global_step
        control.should_evaluate = not done
        if self.interruption.signal_number:
            saved = (self.folder / f"checkpoint-{state.global_step}").is_dir()
            control.should_evaluate &= _is_whole(state.epoch)
            control.should_save = control.should_evaluate or not saved
            control.should_training_stop = True

    def on_evaluate(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Saves the model if it is the best so far; stops if the patience is used up."""
        scores = self.scores(state.log_history)
        best = load_best(self.folder)
        if state.is_world_process_zero and (best is None or scores[-1] > best.score):
            self._save_best(getattr(model, "module", model), state)
        since_best = len(scores) - 1 - scores.index(max(scores))
        if 0 < self.patience <= since_best:
            logger.info("Stopping early: %d evaluations without a better one", since_best)
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Names the checkpoint of a finished epoch by the epoch, and deletes the oldest."""
        # Every process writes its random state into the folder before it gets another name.
        if args.world_size > 1:
            PartialState().wait_for_everyone()
        saved = self.folder / f"checkpoint-{state.global_step}"
        if not state.is_world_process_zero or not saved.is_dir():
            return
        sync_folder(saved)
        epoch, _ = epoch_and_batch(state.epoch, 1)
        if _is_whole(state.epoch):
            named = self.folder / f"checkpoint-epoch-{epoch}"
            record(self.folder, [checkpoint_entry(named.name)])
            replace_folder(saved, named)
        epochs = [p for p in self.folder.iterdir() if EPOCH_CHECKPOINT.fullmatch(p.name)]
        if self.keep:
            for path in sorted(epochs, key=_steps)[: -self.keep]:
                shutil.rmtree(path)

    def _save_best(self, model: SentenceTransformer, state: Any) -> None:
        assert self.evaluator.last_report is not None
        record(self.folder, [checkpoint_entry(BEST)])
        content = {
            "step": state.global_step,
            "epoch": state.epoch,
            "metrics": report_to_json(self.evaluator.last_report),
        }
        with atomic_folder(self.folder / BEST, self.folder / (BEST + INCOMPLETE)) as staged:
            save_model(model, staged)
            (staged / EVALUATION).write_text(json.dumps(content) + "\n", encoding="utf-8")
        logger.info("Saved best model to %s", (self.folder / BEST).as_posix())

    def scores(self, log_history: list[dict[str, Any]]) -> list[Score]:
        """Returns the score of each evaluation so far, the oldest first."""
        return [
            tuple(entry[key] for key in self.keys) for entry in log_history if self.keys[0] in entry
        ]


def load_best(folder: Path) -> BestCheckpoint | None:
    """Returns `checkpoint-best` with its metrics; None if there is none yet.

    Raises:
        UserError: Its metrics cannot be read.
    """
    path = folder / BEST / EVALUATION
    if not path.is_file():
        return None
    try:
        content = load_json(path)
        return BestCheckpoint(int(content["step"]), report_from_json(content["metrics"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: is damaged, so that the best checkpoint is not known; start anew with --force"
        ) from error


def _is_whole(epoch: float) -> bool:
    """Whether a number of epochs is that after the last step of one."""
    return abs(epoch - round(epoch)) < 1e-6


def _steps(checkpoint: Path) -> int:
    """Returns the steps of a checkpoint; 0 if it is incomplete: its state is written last.

    What a damaged state says is not known; its name, of steps or of an epoch, orders it then.
    """
    state = checkpoint / TRAINER_STATE_NAME
    if not state.is_file() or not (checkpoint / "optimizer.pt").is_file():
        return 0
    try:
        return int(load_json(state)["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return sys.maxsize

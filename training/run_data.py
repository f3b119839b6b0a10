"""The data of a run: pairs, their split, and the retrieval task of the held-out queries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evaluation.gates import DEFAULTS, Thresholds, read_thresholds
from evaluation.retrieval.forgetting_probe import Probe, load_probe
from evaluation.retrieval.task import RetrievalTask, limit_corpus, retrieval_task
from nic.errors import UserError
from nic.model_files import SPLIT
from nic.models import ModelSource
from pairs.checks.report import CheckReport
from pairs.checks.run import log_check
from pairs.checks.scan import Scan
from pairs.draws import Split
from pairs.loading import Pairs
from pairs.own_split import refuse_folds
from pairs.prepare import prepare_pairs
from pairs.split import split_into_folds
from pairs.split_counts import SplitCounts
from pairs.split_file import read_as_split
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.known_answers import ANSWERS
from training.loop.trainer import UNIQUE_TEXTS, check_trainable
from training.negatives.mined_rows import MinedRows
from training.negatives.mining import Miner

logger = logging.getLogger(__name__)

# Values of --drop-flagged.
NONE, ALL = "none", "all"


@dataclass(frozen=True)
class RunData:
    """What a run trains on and is evaluated on.

    Attributes:
        pairs: The checked file.
        split: Which rows are held out.
        counts: What the parts of the split hold and share.
        task: The validation queries, against all passages of the file or a sample of them.
        final_task: The queries of the final report, against all passages of the file.
        probe: The forgetting probe of the final report.
        thresholds: The thresholds of the gates.
        folds: The splits of a cross-validation, whose test parts the final report evaluates in
            place of `final_task`; none without one.
        flagged: Rows that are not trained on, by the finding that flags them; they stay in the
            evaluation.
        scan: The file as numbers, where answers are kept apart in a batch; else None.
        miner: Mines negatives from the file; None where the run mines none.
        mined: The negatives that are mined for the rows that are trained on, by the value of
            `--negatives` that needs them.
    """

    pairs: Pairs
    split: Split
    counts: SplitCounts
    task: RetrievalTask
    final_task: RetrievalTask
    probe: Probe | None
    thresholds: Thresholds
    folds: list[Split] = field(default_factory=list)
    flagged: dict[str, frozenset[int]] = field(default_factory=dict)
    scan: Scan | None = None
    miner: Miner | None = None
    mined: Mapping[str, MinedRows] = field(default_factory=dict)

    def trained_pairs(self, run: RunArguments) -> Pairs:
        """Returns the file with the negatives that are trained on: given, or else mined."""
        mined = self.mined.get(run.negatives)
        return mined.fill(self.pairs, run.mined_taken) if mined else self.pairs

    @property
    def training_rows(self) -> list[int]:
        """Returns the numbers of the rows that are trained on."""
        dropped = frozenset().union(*self.flagged.values())
        return [row for row in self.split.train if row not in dropped]

    @property
    def dropped(self) -> dict[str, int]:
        """Returns how many rows of the training part each finding flags."""
        return {key: len(rows.intersection(self.split.train)) for key, rows in self.flagged.items()}

    @property
    def one_task(self) -> bool:
        """Returns whether the final report evaluates the task that chooses the checkpoint."""
        return not self.split.test and not self.task.left_out


def read_data(run: RunArguments, arguments: TrainingArguments) -> RunData:
    """Loads, checks and splits the pairs; a resumed run keeps the split it began with.

    Raises:
        UserError: The file, the split or the arguments do not fit.
    """
    if run.keep_apart == ANSWERS and arguments.batch_sampler not in UNIQUE_TEXTS:
        raise UserError("--keep-apart answers: needs --batch-sampler no_duplicates")
    saved = Path(arguments.output_dir) / SPLIT if run.resume else run.split
    prepared = prepare_pairs(
        read_as_split(Path(saved), run.source) if saved else run.source,
        saved,
        run.val_ratio,
        run.test_ratio,
        arguments.seed,
        run.small_domains,
        run.given_taken,
        run.split_rules,
    )
    pairs, split = prepared.pairs, prepared.split
    if run.folds:
        refuse_folds(pairs.parts)
    folds = draw_folds(pairs, run, arguments.seed)
    for part in (split, *folds):
        check_trainable(arguments, len(part.train))
    task = validation_task(pairs, split, run, arguments.seed)
    if task.left_out:
        logger.info(
            "Validation ranks against %d of %d passages: the relevant ones and a sample",
            len(task.corpus),
            len(task.corpus) + task.left_out,
        )
    return RunData(
        pairs,
        split,
        prepared.counts,
        task,
        retrieval_task(pairs, split.reported),
        load_probe(run.probe),
        read_thresholds(Path(run.gates) if run.gates else DEFAULTS),
        folds,
    )


def draw_folds(pairs: Pairs, run: RunArguments, seed: int) -> list[Split]:
    """Returns the splits of the cross-validation of a run; none without one.

    Raises:
        UserError: A domain is too small.
    """
    if not run.folds:
        return []
    return split_into_folds(
        pairs, run.folds, run.val_ratio, seed, run.small_domains, run.split_rules
    )


def validation_task(pairs: Pairs, split: Split, run: RunArguments, seed: int) -> RetrievalTask:
    """Returns the task that chooses the checkpoint, against all passages or a sample of them."""
    return limit_corpus(retrieval_task(pairs, split.validation), run.eval_corpus_limit, seed)


def data_of_fold(data: RunData, split: Split, run: RunArguments, seed: int) -> RunData:
    """Returns the data of a run with the split of one of its folds."""
    return replace(
        data,
        split=split,
        task=validation_task(data.pairs, split, run, seed),
        final_task=retrieval_task(data.pairs, split.test),
    )


def without_test_part(data: RunData) -> RunData:
    """Returns the data of a run without the queries of its test part, which choose nothing."""
    return replace(data, split=replace(data.split, test=[]), final_task=data.task)


def check_data(
    data: RunData, source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> tuple[CheckReport, Scan]:
    """Logs the warnings of `nic-check` about the data, and returns its report and numbers."""
    return log_check(
        data.pairs,
        data.split,
        source,
        run.val_ratio,
        arguments.per_device_train_batch_size,
        arguments.seed,
        run.document_prompt,
    )


def without_flagged(
    data: RunData, report: CheckReport, named: str, arguments: TrainingArguments
) -> RunData:
    """Takes the rows that the check flags out of the training; the evaluation keeps them.

    Args:
        data: The data of the run.
        report: The report of the check.
        named: As `--drop-flagged`: "none", "all", or findings by name, separated by commas.
        arguments: The Trainer's arguments.

    Raises:
        UserError: A name is no finding that flags rows, or the rest does not fill a batch.
    """
    if named == NONE:
        return data
    try:
        flagged = report.flagged_rows(None if named == ALL else named.split(","))
    except UserError as error:
        raise UserError(f"--drop-flagged {named}: {error}") from error
    rows = {key: frozenset(np.flatnonzero(mask).tolist()) for key, mask in flagged.items()}
    found = replace(data, flagged=rows)
    before, after = len(data.split.train), len(found.training_rows)
    reasons = ", ".join(f"{key} {count}" for key, count in found.dropped.items() if count)
    logger.info(
        "Training without %d of %d pairs, which the check flags: %s",
        before - after,
        before,
        reasons or "none",
    )
    for split in (data.split, *data.folds):
        check_trainable(arguments, len(replace(found, split=split).training_rows))
    return found

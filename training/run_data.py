"""The data of a run: pairs, their split, and the retrieval task of the held-out queries."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.gates import DEFAULTS, Thresholds, read_thresholds
from evaluation.retrieval.forgetting_probe import Probe, load_probe
from evaluation.retrieval.task import RetrievalTask, limit_corpus, retrieval_task
from nic.models import ModelSource
from pairs.checks.console import log_summary, verdict
from pairs.checks.report import build_report
from pairs.checks.scan import scan_file
from pairs.checks.tokens import load_token_counter
from pairs.loading import Pairs, load_pairs
from pairs.split import Split, describe_split, load_or_draw_split, log_split
from training.arguments import RunArguments, TrainingArguments
from training.loop.checkpoints import SPLIT
from training.loop.trainer import check_trainable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunData:
    """What a run trains on and is measured by.

    Attributes:
        pairs: The checked file.
        split: Which rows are held out.
        counts: What `describe_split` says of it.
        task: The validation queries, against all passages of the file or a sample of them.
        final_task: The queries of the report, against all passages of the file.
        probe: The forgetting probe of the report.
        thresholds: What the gates ask.
    """

    pairs: Pairs
    split: Split
    counts: dict[str, Any]
    task: RetrievalTask
    final_task: RetrievalTask
    probe: Probe | None
    thresholds: Thresholds

    @property
    def one_task(self) -> bool:
        """Whether the report asks the very task that chooses the checkpoint."""
        return not self.split.test and not self.task.left_out


def read_data(run: RunArguments, arguments: TrainingArguments) -> RunData:
    """Load and check the pairs, and split them; a resumed run takes the split it began with.

    Raises:
        UserError: The file, the split or the arguments do not fit.
    """
    pairs = load_pairs(run.data_file)
    logger.info("Loaded %d training pairs from %s", len(pairs.dataset), run.data_file)
    saved = Path(arguments.output_dir) / SPLIT if run.resume else run.split
    split = load_or_draw_split(
        pairs, saved, run.val_ratio, arguments.seed, run.small_domains, run.test_ratio
    )
    counts = describe_split(split, pairs)
    log_split(counts)
    check_trainable(arguments, len(split.train))
    whole = retrieval_task(pairs, split.validation)
    task = limit_corpus(whole, run.eval_corpus_limit, arguments.seed)
    if task.left_out:
        logger.info(
            "Validation ranks against %d of %d passages: the relevant ones and a sample",
            len(task.corpus),
            len(whole.corpus),
        )
    thresholds = read_thresholds(Path(run.gates) if run.gates else DEFAULTS)
    final = retrieval_task(pairs, split.reported)
    return RunData(pairs, split, counts, task, final, load_probe(run.probe), thresholds)


def check_data(
    data: RunData, source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> dict[str, Any]:
    """Log what `nic-check` warns of in the data.

    Returns:
        The counts of what was looked for, for the metadata; no text of the data.
    """
    scan = scan_file(data.pairs.path, load_token_counter(source))
    report = build_report(
        scan, data.split, run.val_ratio, arguments.per_device_train_batch_size, arguments.seed
    )
    logger.info("Check of the data: %s", verdict(report))
    for line in log_summary(report):
        logger.warning("%s", line)
    return report.summary()

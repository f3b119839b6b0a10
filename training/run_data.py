"""The data of a run: pairs, their split, and the retrieval task of the held-out queries."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evaluation.gates import DEFAULTS, Thresholds, read_thresholds
from evaluation.retrieval.forgetting_probe import Probe, load_probe
from evaluation.retrieval.task import RetrievalTask, limit_corpus, retrieval_task
from nic.model_files import SPLIT
from nic.models import ModelSource
from pairs.checks.run import log_check
from pairs.columns import TEXT_COLUMNS
from pairs.loading import Pairs
from pairs.prepare import prepare_pairs
from pairs.split import Split
from pairs.split_counts import SplitCounts
from training.arguments import TrainingArguments
from training.loop.trainer import check_trainable
from training.run_arguments import RunArguments

logger = logging.getLogger(__name__)


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
    """

    pairs: Pairs
    split: Split
    counts: SplitCounts
    task: RetrievalTask
    final_task: RetrievalTask
    probe: Probe | None
    thresholds: Thresholds

    @property
    def one_task(self) -> bool:
        """Returns whether the final report evaluates the task that chooses the checkpoint."""
        return not self.split.test and not self.task.left_out


def read_data(run: RunArguments, arguments: TrainingArguments) -> RunData:
    """Loads, checks and splits the pairs; a resumed run keeps the split it began with.

    Raises:
        UserError: The file, the split or the arguments do not fit.
    """
    prepared = prepare_pairs(
        run.data_file,
        Path(arguments.output_dir) / SPLIT if run.resume else run.split,
        run.val_ratio,
        run.test_ratio,
        arguments.seed,
        run.small_domains,
    )
    pairs, split = prepared.pairs, prepared.split
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
    return RunData(pairs, split, prepared.counts, task, final, load_probe(run.probe), thresholds)


def check_data(
    data: RunData, source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> dict[str, Any]:
    """Logs the warnings of `nic-check` about the data.

    Returns:
        The counts of the findings, for the metadata; no text of the data.
    """
    report = log_check(
        data.pairs.path,
        data.split,
        source,
        run.val_ratio,
        arguments.per_device_train_batch_size,
        arguments.seed,
        run.document_prompt,
    )
    return report.summary()


def texts_by_precision(
    data: RunData, dtype: torch.dtype, prompts: Mapping[str, str | None]
) -> dict[torch.dtype, dict[str | None, dict[str, None]]]:
    """Returns the texts that a run encodes in each precision, by their prompt, each once.

    Training and its validations encode all texts of the pairs in the precision of the run, the
    final report the held-out queries and the corpus in fp32.

    Args:
        data: The data of the run.
        dtype: Its precision.
        prompts: The prompt of each column.
    """
    trained: dict[str | None, dict[str, None]] = defaultdict(dict)
    for name in TEXT_COLUMNS:
        trained[prompts.get(name)] |= dict.fromkeys(data.pairs.column(name))
    reported: dict[str | None, dict[str, None]] = defaultdict(dict)
    for task in (data.task, data.final_task):
        reported[prompts.get("query")] |= dict.fromkeys(task.queries)
        reported[prompts.get("positive")] |= dict.fromkeys(task.corpus)
    return {torch.float32: reported} | {dtype: trained}

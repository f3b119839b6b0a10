"""From the file of a training to its checked, split and counted pairs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pairs.draws import SmallDomains, Split
from pairs.loading import Pairs, load_pairs
from pairs.own_split import describe_own_split, has_own_split
from pairs.pair_files import log_reading
from pairs.reading.source import Data
from pairs.split import RULES, SplitRules, split_pairs
from pairs.split_counts import SplitCounts, describe_split, log_split
from pairs.split_file import load_split

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedPairs:
    """The pairs of a training.

    Attributes:
        pairs: The checked file.
        split: Which rows are trained on and which are held out.
        counts: What the parts of the split hold and share.
    """

    pairs: Pairs
    split: Split
    counts: SplitCounts


def prepare_pairs(
    data: Data,
    saved_split: str | Path | None = None,
    val_ratio: float = 0.1,
    test_ratio: float = 0.0,
    seed: int = 42,
    small_domains: SmallDomains = "error",
    negatives: int | None = None,
    rules: SplitRules = RULES,
) -> PreparedPairs:
    """Loads and checks a file of pairs, splits it, and logs its counts.

    Data that brings its own split is split as it says.

    Args:
        data: The file of pairs, or several, as in `load_pairs`.
        saved_split: A `split.json` to use again; None draws a new split.
        val_ratio: As in `split_pairs`; ignored, as are the following, where a split is given.
        test_ratio: As in `split_pairs`.
        seed: As in `split_pairs`.
        small_domains: As in `split_pairs`.
        negatives: How many negatives of a row are trained on, its first; None for all.
        rules: As in `split_pairs`; ignored where a split is given.

    Raises:
        UserError: The file or the split is not usable, or the file cannot be split.
    """
    pairs = load_pairs(data)
    logger.info("Loaded %d training pairs from %s", len(pairs), pairs.path)
    log_reading(pairs.files)
    if saved_split:
        split = load_split(saved_split, pairs)
    else:
        if pairs.parts:
            level = logging.INFO if has_own_split(pairs.parts) else logging.WARNING
            logger.log(level, "%s", describe_own_split(pairs.parts))
        split = split_pairs(pairs, val_ratio, test_ratio, seed, small_domains, rules)
    counts = describe_split(split, pairs, negatives)
    log_split(counts)
    return PreparedPairs(pairs, split, counts)

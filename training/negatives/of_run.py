"""The negatives of a run: mined where its rows bring none."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace

from nic.chunked_model import ChunkedSentenceTransformer
from training.command.run_arguments import AUTO, MINED, RunArguments
from training.frozen.freezing import freeze
from training.frozen.kept_states import KeptStates
from training.negatives.known_embeddings import embed_file
from training.negatives.mined_rows import mine_rows
from training.negatives.mining import Miner
from training.run_data import RunData

logger = logging.getLogger(__name__)


def with_mined(
    data: RunData,
    model: ChunkedSentenceTransformer,
    run: RunArguments,
    modes: Iterable[str],
    kept: KeptStates | None,
) -> RunData:
    """Returns the data of a run with the negatives that it mines, if any.

    The base model embeds each text of the file once: its base score takes the same embeddings.

    Args:
        data: The data of the run.
        model: The base model; its bottom layers are frozen then if there are kept states.
        run: The arguments of the run.
        modes: The values of `--negatives` that the run trains with.
        kept: Serves the outputs of the frozen layers that the training needs too; None computes
            them here alone.
    """
    wanted = [mode for mode in modes if needs_mining(data, mode)]
    if not wanted:
        return data
    logger.info("Mining hard negatives with the base model")
    started = time.monotonic()
    if kept:
        kept.serve(model, freeze(model, run.freeze_layers).frozen_layers)
    miner = Miner(embed_file(model, data.pairs))
    data = mine_split(replace(data, miner=miner), wanted)
    passages = len(miner.known.task.corpus)
    seconds = time.monotonic() - started
    logger.info("Mined in %.1f s (%.1f s per 1,000 passages)", seconds, 1000 * seconds / passages)
    return data


def needs_mining(data: RunData, mode: str) -> bool:
    """Returns whether rows of a file need mined negatives with a value of `--negatives`."""
    return mode == MINED or (mode == AUTO and not all(data.pairs.negatives()))


def mine_split(data: RunData, modes: Iterable[str]) -> RunData:
    """Returns the data with the negatives that are mined from the training part of its split."""
    if data.miner is None:
        return data
    rows, trained = data.training_rows, set(data.split.train)
    held_out = [row for row in range(len(data.pairs)) if row not in trained]
    mined = {
        mode: mine_rows(data.miner, data.pairs, rows, held_out, alone=mode == MINED)
        for mode in modes
        if needs_mining(data, mode)
    }
    return replace(data, mined=mined)

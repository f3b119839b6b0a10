"""Data sets on the Hub, from its cache or the network."""

from __future__ import annotations

from pathlib import Path

from nic.errors import UserError, one_line
from pairs.reading.columnar import open_splits
from pairs.reading.records import DataFile

LONGEST_REASON = 200
SECONDS = 10


def open_hub_dataset(name: str) -> DataFile:
    """Opens a data set by its name on the Hub; no code of it is run.

    Args:
        name: "organisation/name".

    Raises:
        UserError: It is not in the cache and cannot be fetched.
    """
    # Imported here: only data sets of the Hub need it.
    from datasets import config, load_dataset
    from huggingface_hub import HfApi

    try:
        if not (Path(config.HF_DATASETS_CACHE) / name.replace("/", "___")).is_dir():
            # Asked once, and not with the many retries of a download.
            HfApi().dataset_info(name, timeout=SECONDS)
        found = load_dataset(name)
    except Exception as error:  # datasets and huggingface_hub raise errors of many kinds.
        reason = one_line(error, LONGEST_REASON)
        raise UserError(
            f"{name}: no such file, and no data set of the Hub that can be fetched ({reason}); "
            "give a file with --data-file"
        ) from error
    return open_splits(Path(name), "a data set of the Hub", dict(found))

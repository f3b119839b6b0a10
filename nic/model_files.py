"""Names of the files of a model folder: the model's own, those of its run, and the published ones.

A pattern is one of `fnmatch`, matched with the case of the letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from nic.logs import LOG_NAME

CARD = "README.md"
METADATA = "metadata.json"
MODULES = "modules.json"
SPLIT = "split.json"
# The trials of a search over training settings.
TRIALS = "nic-trials.jsonl"
# The record of what a run wrote, and the lock with its holder while the run goes on.
MANIFEST = "nic-run.json"
LOCK = "nic-run.lock"
LOCK_HOLDER = "nic-run.holder.json"

# Weights, settings and tokenizer of one module, in the folder of the model or in its own.
MODULE_FILES = (
    "config.json",
    "sentence_bert_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)
MODEL_FILES = (*MODULE_FILES, MODULES, "config_sentence_transformers.json")
LICENSE_FILES = "LICENSE*"

# The allow list of what is published: in the folder of the model, and in folders inside it.
PUBLISHED_FILES = (*MODEL_FILES, CARD, LICENSE_FILES)
PLOTS = "plots"
# Where earlier versions wrote the plots of a model.
EARLIER_PLOTS = "figures"
PUBLISHED_FOLDERS = {
    PLOTS: ("*.png",),
    EARLIER_PLOTS: ("*.png",),
    "onnx": ("*.onnx", "*.onnx_data", "*.json"),
}

# What a run writes beside the model, except for its checkpoints and plots.
RUN_FILES = (METADATA, SPLIT, CARD, LOG_NAME, MANIFEST, TRIALS)
# What `save_pretrained` writes for some models and is not published.
UNPUBLISHED_MODEL_FILES = (
    "*.safetensors",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "adapter_config.json",
)
# Checkpoints of the Trainer, of an epoch and of the best model, and the folders of the folds of a
# cross-validation and of the trials of a search, complete or not.
CHECKPOINT = re.compile(
    r"(?:checkpoint-(?:\d+|epoch-\d+|best)|nic-fold-\d+|nic-trial-\d+)(?:\.incomplete|\.old(?:-\w+)?)*"
)
FOLD = "nic-fold-{}"
TRIAL = "nic-trial-{}"
# What follows the name of a checkpoint while it is written or replaced.
UNFINISHED = re.compile(r"(?:\.incomplete|\.old(?:-\w+)?)*$")
# sentence-transformers names the folder of a module by its position and its class.
MODULE_FOLDER = re.compile(r"\d{1,2}_[A-Za-z]\w*")

# First parts of the paths that are never published nor hashed as the model's.
NEVER_PUBLISHED = (
    "checkpoint-",
    "nic-fold-",
    "nic-trial",
    "nic-run.",
    LOG_NAME,
    SPLIT,
    "eval",
    "runs",
    METADATA,
)

# What the Trainer and this project write into a checkpoint beside the model.
BESIDE_THE_MODEL = re.compile(
    r"optimizer.*|scheduler\.pt|scaler\.pt|rng_state.*|training_args\.bin|.*_state\.json|evaluation\.json"
)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a file name matches one of several patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_never_published(path: Path) -> bool:
    """Whether a path, relative to the folder of the model, belongs to the run alone."""
    return path.parts[0].startswith(NEVER_PUBLISHED)


def checkpoint_folders(folder: Path) -> Iterator[Path]:
    """Yields the checkpoints, folds and trials in an output folder; links are left out."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if CHECKPOINT.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            yield path


def is_name_of_a_run(name: str) -> bool:
    """Whether a run may write a file or a folder of this name directly in its output folder.

    Upper and lower case count as equal, as some file systems take them so.
    """
    patterns = (*MODEL_FILES, *UNPUBLISHED_MODEL_FILES, *RUN_FILES, *PUBLISHED_FOLDERS)
    return bool(
        matches(name.casefold(), tuple(pattern.casefold() for pattern in patterns))
        or CHECKPOINT.fullmatch(name.casefold())
        or MODULE_FOLDER.fullmatch(name)
    )

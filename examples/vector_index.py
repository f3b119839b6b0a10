"""Passages and their vectors in LanceDB, an embedded database, with the model that made them.

Vectors of two models cannot be compared. An index therefore stores which model made its vectors, is
searched only with that model, and replaces all of its vectors in one commit.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from huggingface_hub import snapshot_download

from model_card.names import COMMIT
from nic.encoding import COSINE, Encoding
from nic.errors import UserError, no_space_left
from nic.files import sha256_of
from nic.models import WEIGHTS, ModelSource, find_model, load_model, model_not_found

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.table import Table
    from sentence_transformers import SentenceTransformer

TABLE, MODEL_KEY = "passages", b"model"
MODEL_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
SAME_COSINE = 0.9999
# By similarity: the database's name of the distance, and the similarity that follows from it.
DISTANCES: dict[str, tuple[str, Callable[[float], float]]] = {
    COSINE: ("dot", lambda distance: 1 - distance),
    "dot": ("dot", lambda distance: 1 - distance),
    "euclidean": ("l2", lambda distance: -math.sqrt(distance)),
}
# How long a query that began before a swap can still read the old vectors.
KEEP_OLD = timedelta(hours=1)


@dataclass(frozen=True)
class Model:
    """The identity of the model that made the vectors of an index, stored with them.

    Attributes:
        name: For display: the name of the repository, or the last part of the folder.
        location: For loading: the name of the repository, or the whole path of the folder.
        revision: The commit of the snapshot that it was loaded from; None where there is none.
        sha256: SHA-256 of its `model.safetensors`.
        encoding: Its prompts and its similarity.
    """

    name: str
    location: str
    revision: str | None
    sha256: str
    encoding: Encoding = Encoding()

    def __str__(self) -> str:
        """Returns the name with the first digits of revision and SHA-256."""
        commit = f"revision {self.revision[:12]}, " if self.revision else ""
        return f"{self.name} ({commit}SHA-256 {self.sha256[:12]})"


class Hit(NamedTuple):
    """A retrieved passage and its similarity to the query; a distance has a negative sign."""

    text: str
    score: float


class Index(NamedTuple):
    """An index as of the moment it was opened; later writes do not change it."""

    folder: Path
    table: Table
    model: Model

    def texts(self) -> list[str]:
        """Returns all passages."""
        return [str(text) for text in self.table.to_arrow()["text"].to_pylist()]

    def refuse_other(self, model: Model) -> None:
        """Raises a UserError where another model made the vectors."""
        if self.model.sha256 != model.sha256:
            raise UserError(
                f"{self.folder}: its vectors are of {self.model}, not of {model}; give the former "
                "with --model, or embed all passages again with the command swap"
            )

    def search(self, text: str, k: int, encoder: SentenceTransformer, model: Model) -> list[Hit]:
        """Returns the k nearest passages, best first, by exact search.

        Raises:
            UserError: The model is not the one that made the vectors, or encodes differently now.
        """
        self.refuse_other(model)
        with database_errors(self.folder):
            first = self.table.head(1).to_pylist()[0]
            again = encode_passages(encoder, [first["text"]])[0]
            if model.encoding != self.model.encoding or not is_same(again, first["vector"]):
                raise UserError(
                    f"{self.folder}: {model} has the same weights as when its vectors were made, "
                    "but encodes otherwise (tokenizer, pooling, length, prompts, similarity); use "
                    "the command swap"
                )
            distance, score = DISTANCES[model.encoding.similarity]
            query = encode_query(encoder, text)
            nearest = self.table.search(query, "vector").distance_type(distance).limit(k)
            return [Hit(row["text"], score(row["_distance"])) for row in nearest.to_list()]


def open_index(folder: Path) -> Index:
    """Opens an existing index.

    Raises:
        UserError: The folder holds no index, or one that another program made.
    """
    table = find_table(folder)
    if table is None:
        raise UserError(f"{folder}: holds no index; build one with the command index")
    try:
        stored = json.loads((table.schema.metadata or {})[MODEL_KEY])
        encoding = Encoding(**stored.pop("encoding", {}))
        return Index(folder, table, Model(**stored, encoding=encoding))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{folder}: does not say which model made it; build a new one") from error


def write_index(folder: Path, model: Model, encoder: SentenceTransformer, texts: list[str]) -> None:
    """Embeds passages and writes them with the identity of the model, atomically."""
    import pyarrow as pa

    vectors = encode_passages(encoder, texts)
    flat = pa.array(vectors.ravel(), pa.float32())
    columns = [pa.array(texts), pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])]
    content = pa.table(columns, names=["text", "vector"])
    content = content.replace_schema_metadata({MODEL_KEY: json.dumps(asdict(model))})
    with database_errors(folder):
        mode = "overwrite" if find_table(folder) else "create"
        table = connect(folder).create_table(TABLE, content, mode=mode)
        table.optimize(cleanup_older_than=KEEP_OLD)


def find_table(folder: Path) -> Table | None:
    """Returns the table of an index; None where none was completed."""
    if not (folder / f"{TABLE}.lance").is_dir():
        return None
    with database_errors(folder):
        try:
            return connect(folder).open_table(TABLE)
        except ValueError:
            return None


def connect(folder: Path) -> DBConnection:
    """Opens a folder as a database; creates it where it is missing."""
    try:
        import lancedb
    except ImportError as error:
        raise UserError('lancedb is missing: pip install -e ".[examples]"') from error
    return lancedb.connect(folder)


@contextmanager
def database_errors(folder: Path) -> Iterator[None]:
    """Turns an error of the database into a UserError of one line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if no_space_left(error):
            raise
        raise UserError(f"{folder}: {str(error).splitlines()[0]}") from error


def open_model(name: str, revision: str | None = None) -> tuple[SentenceTransformer, Model]:
    """Loads and identifies a model from a folder, the Hub's cache, the packaged copy or the Hub.

    Args:
        name: A folder, or the name of a repository.
        revision: A branch, tag or commit of the repository.

    Raises:
        UserError: It is not found at that revision, or has no `model.safetensors`.
    """
    from nic.logs import quiet_libraries

    source = find_snapshot(name, revision)
    folder = Path(source.location)
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{name}: holds no {WEIGHTS}; give a model that was saved with it")
    commit = folder.name if folder.parent.name == "snapshots" else None
    location = str(Path(name).resolve()) if Path(name).is_dir() else name
    sha256 = sha256_of(folder / WEIGHTS)
    quiet_libraries()
    model = load_model(source)
    encoding = Encoding.of(model)
    if encoding.similarity not in DISTANCES:
        raise UserError(
            f"{name}: compares by {encoding.compared_by}, which the database does not search by"
        )
    return model, Model(source.name, location, commit, sha256, encoding)


def find_snapshot(name: str, revision: str | None) -> ModelSource:
    """Returns the folder of a model; downloads it, without pickles, where it is not cached."""
    if revision and Path(name).is_dir():
        raise UserError(f"{name}: is a folder, which has no --revision; leave that out")
    # A commit never changes, so that one in the cache is not asked for; a branch or a tag is.
    fixed = revision is None or COMMIT.fullmatch(revision)
    if fixed and Path((source := find_model(name, revision)).location).is_dir():
        return source
    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=MODEL_FILES)
    except (OSError, ValueError) as error:
        raise model_not_found(ModelSource(f"{name} {revision or ''}".strip(), name, "")) from error
    return ModelSource(name, folder, "the Hub")


def encode_query(encoder: SentenceTransformer, text: str) -> np.ndarray[Any, Any]:
    """Returns the `(dim,)` vector of a query, encoded as the evaluation of this project does."""
    unit = encoder.similarity_fn_name == COSINE
    return np.asarray(
        encoder.encode_query(text, normalize_embeddings=unit, show_progress_bar=False)
    )


def encode_passages(encoder: SentenceTransformer, texts: list[str]) -> np.ndarray[Any, Any]:
    """Returns the `(texts, dim)` vectors of passages, likewise."""
    bar, unit = len(texts) > 2 and sys.stderr.isatty(), encoder.similarity_fn_name == COSINE
    return np.asarray(
        encoder.encode_document(texts, normalize_embeddings=unit, show_progress_bar=bar)
    )


def is_same(vector: Sequence[float], stored: Sequence[float]) -> bool:
    """Whether two vectors are equal but for rounding."""
    one, other = np.asarray(vector), np.asarray(stored)
    if one.shape != other.shape:
        return False
    return bool(one @ other > SAME_COSINE * np.linalg.norm(one) * np.linalg.norm(other))

"""Sample sentences with stored embeddings: an intact copy of a model encodes them alike.

PyTorch is imported when it is used: the commands of a local hub do not need it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model_card.hubs import IntegrityError
from nic.encoding import DOCUMENT, QUERY
from nic.errors import UserError

if TYPE_CHECKING:
    import numpy as np

# General words in upper and lower case, digits, accents, one word, and more than 512 tokens: the
# last shows where a model cuts its input. Each is encoded as a query or as a document.
TEXTS = {
    "A quick brown fox jumps over the lazy dog near the river.": DOCUMENT,
    "WHAT IS THE CAPITAL OF FRANCE?": QUERY,
    "Le café ouvre à 8 h 30, n'est-ce pas?": QUERY,
    "music": QUERY,
    " ".join(f"{number} green bottles hanging on the wall," for number in range(99, 19, -1)): (
        DOCUMENT
    ),
}
# Another machine may round the fifth digit differently: with four digits, packaging a model again
# elsewhere almost always gives the same metadata.json, and rounding costs less than 1e-5 of cosine.
DIGITS = 4


@dataclass(frozen=True)
class Sample:
    """A text and its embedding, rounded to four digits.

    Attributes:
        text: The text.
        embedding: Its embedding.
        kind: "query" or "document", by `encode_query` or `encode_document`; None by plain `encode`,
            as earlier versions stored it.
    """

    text: str
    embedding: list[float]
    kind: str | None = None

    def __post_init__(self) -> None:
        """Refuses another kind."""
        if self.kind not in (QUERY, DOCUMENT, None):
            raise ValueError(f"no kind of text: {self.kind}")


def encode_texts(folder: Path, texts: Mapping[str, str | None] = TEXTS) -> np.ndarray:
    """Loads a model from the files of its folder alone, onto the CPU, and encodes texts.

    Args:
        folder: A packaged folder.
        texts: The kind of each text, as in `Sample`.

    Returns:
        `(texts, dim)` embeddings.

    Raises:
        UserError: The folder does not load.
    """
    import numpy as np

    from nic.models import ModelSource, load_model

    model = load_model(ModelSource(str(folder), str(folder), "a packaged folder"), "cpu")
    encoders = {QUERY: model.encode_query, DOCUMENT: model.encode_document, None: model.encode}
    rows = [encoders[kind](text, show_progress_bar=False) for text, kind in texts.items()]
    embeddings = np.stack([np.asarray(row) for row in rows])
    if sys.platform == "win32":
        # A loaded model maps its file, which Windows then neither moves nor deletes.
        del model
        gc.collect()
    return embeddings


def make_samples(embeddings: np.ndarray) -> list[Sample]:
    """Returns the sample sentences with their `(samples, dim)` embeddings."""
    rounded = embeddings.astype(float).round(DIGITS).tolist()
    return [
        Sample(text, row, kind) for (text, kind), row in zip(TEXTS.items(), rounded, strict=True)
    ]


def lowest_cosine(folder: Path, samples: Sequence[Sample]) -> float:
    """Encodes samples with a saved model.

    Returns:
        The lowest cosine between a stored embedding and the one encoded now; -1 if the two
        cannot be compared.

    Raises:
        IntegrityError: The folder does not load.
    """
    import numpy as np

    try:
        encoded = encode_texts(folder, {sample.text: sample.kind for sample in samples})
    except UserError as error:
        raise IntegrityError(f"{error}; do not use it") from error
    stored = np.asarray([sample.embedding for sample in samples])
    if encoded.shape != stored.shape:
        return -1.0
    lengths = np.linalg.norm(encoded, axis=1) * np.linalg.norm(stored, axis=1)
    return float(((encoded * stored).sum(axis=1) / lengths).min()) if lengths.all() else -1.0

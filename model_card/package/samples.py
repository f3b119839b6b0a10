"""Sample sentences with stored embeddings: an intact copy of a model encodes them alike.

PyTorch is imported when it is used: the commands of a local hub do not need it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model_card.hubs import IntegrityError
from nic.errors import UserError

if TYPE_CHECKING:
    import numpy as np

# General words in upper and lower case, digits, accents, one word, and more than 512 tokens: the
# last shows where a model cuts its input.
TEXTS = (
    "A quick brown fox jumps over the lazy dog near the river.",
    "WHAT IS THE CAPITAL OF FRANCE?",
    "Le café ouvre à 8 h 30, n'est-ce pas?",
    "music",
    " ".join(f"{number} green bottles hanging on the wall," for number in range(99, 19, -1)),
)
# Another machine may round the fifth digit differently: with four digits, packaging a model again
# elsewhere almost always gives the same metadata.json, and rounding costs less than 1e-5 of cosine.
DIGITS = 4


@dataclass(frozen=True)
class Sample:
    """A text and its embedding, rounded to four digits."""

    text: str
    embedding: list[float]


def encode_texts(folder: Path, texts: Sequence[str] = TEXTS) -> np.ndarray:
    """Loads a model from the files of its folder alone, onto the CPU, and encodes texts.

    Returns:
        `(texts, dim)` embeddings.

    Raises:
        UserError: The folder does not load.
    """
    import numpy as np

    from nic.models import ModelSource, load_model

    model = load_model(ModelSource(str(folder), str(folder), "a packaged folder"), "cpu")
    embeddings = np.asarray(model.encode(list(texts), batch_size=1, show_progress_bar=False))
    if sys.platform == "win32":
        # A loaded model maps its file, which Windows then neither moves nor deletes.
        del model
        gc.collect()
    return embeddings


def make_samples(embeddings: np.ndarray) -> list[Sample]:
    """Returns the sample sentences with their `(samples, dim)` embeddings."""
    rounded = embeddings.astype(float).round(DIGITS).tolist()
    return [Sample(text, row) for text, row in zip(TEXTS, rounded, strict=True)]


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
        encoded = encode_texts(folder, [sample.text for sample in samples])
    except UserError as error:
        raise IntegrityError(f"{error}; do not use it") from error
    stored = np.asarray([sample.embedding for sample in samples])
    if encoded.shape != stored.shape:
        return -1.0
    lengths = np.linalg.norm(encoded, axis=1) * np.linalg.norm(stored, axis=1)
    return float(((encoded * stored).sum(axis=1) / lengths).min()) if lengths.all() else -1.0

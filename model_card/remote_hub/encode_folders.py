"""Writes the largest difference between two models' embeddings to standard output, as JSON.

`load_back.py` starts it by its path, in a process of its own: it imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# A word, a question, characters beyond ASCII, and more text than the model reads.
SENTENCES = (
    "pump",
    "Why does the hydraulic pump leak when it is cold?",
    "Öl bis 5 µm filtern – bei 20 °C",
    "Loosen the belt, replace the worn part and tighten it again. " * 60,
)


def main() -> None:
    """Encodes some sentences with the models in two folders, and compares the embeddings."""
    # Python puts the folder of a script first; its modules must not hide packages.
    sys.path.remove(str(Path(__file__).parent))
    first, second = (_encode(folder) for folder in sys.argv[1:])
    same_shape = first.shape == second.shape
    largest = float(abs(first - second).max()) if same_shape else float("inf")
    sys.stdout.write(json.dumps(largest) + "\n")


def _encode(folder: str) -> Any:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model, texts = SentenceTransformer(folder, device="cpu"), list(SENTENCES)
    return np.concatenate([model.encode_query(texts), model.encode_document(texts)])


if __name__ == "__main__":
    main()

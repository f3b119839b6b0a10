"""Does a packaged model load in older libraries, with the same embeddings?

    python benchmarks/older_versions.py --folder ../older-versions

Packages all-MiniLM-L6-v2, encodes the same texts with it here and in virtual environments of
older versions (each about 1.5 GB and some minutes; kept in --folder for the next time), and prints
the largest difference. The exit code is 1 where one is above 1e-6.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from sentence_transformers import __version__

from model_card.card.metadata import write_metadata
from model_card.package.build import TOLERANCE, build_package
from model_card.package.integrity import hash_files
from model_card.package.samples import TEXTS, encode_texts
from nic.encoding import DOCUMENT, QUERY
from nic.model_files import CARD
from nic.models import MINILM, find_model, load_model

# sentence-transformers with a transformers of its time.
MATRIX = {"5.2.3": "4.57.6", "5.4.0": "5.4.0"}
TORCH = "torch==2.13.0"
ENCODE = """
import json, logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
encode = {"query": model.encode_query, "document": model.encode_document}
texts = json.load(sys.stdin)
vectors = [encode[kind](text, show_progress_bar=False) for text, kind in texts.items()]
print(json.dumps([vector.astype(float).tolist() for vector in vectors]))
"""
ALL_TEXTS = {
    **TEXTS,
    "pump runs but nothing moves": QUERY,
    "Check the coupling. Charge the battery.": DOCUMENT,
    "": QUERY,
    "P0420: catalyst efficiency below threshold (bank 1)": DOCUMENT,
    "Ölstand prüfen — 5,5 l nachfüllen": DOCUMENT,
}


def save_as_trained(folder: Path) -> Path:
    """Save the base model as a training does, with the least of a card and metadata."""
    load_model(find_model(MINILM), "cpu").save_pretrained(str(folder), create_model_card=False)
    (folder / CARD).write_text("# all-MiniLM-L6-v2\n", encoding="utf-8")
    write_metadata({"files": hash_files(folder)}, folder)
    return folder


def environment(folder: Path, version: str) -> Path:
    """The interpreter of a virtual environment with a version of sentence-transformers."""
    place = folder / f"sentence-transformers-{version}"
    interpreter = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not interpreter.exists():
        venv.create(place, with_pip=True)
    packages = [f"sentence-transformers=={version}", f"transformers=={MATRIX[version]}", TORCH]
    command = [str(interpreter), "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(command, check=True)
    return interpreter


def encode_there(interpreter: Path, model: Path) -> tuple[np.ndarray | None, list[str]]:
    """Encode in another environment.

    Returns:
        `(texts, dim)` embeddings, or None where the model does not load, and what was written to
        standard error.
    """
    result = subprocess.run(
        [str(interpreter), "-c", ENCODE, str(model)],
        input=json.dumps(ALL_TEXTS),
        capture_output=True,
        encoding="utf-8",
        env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    said = [line for line in result.stderr.splitlines() if line and "%|" not in line]
    return (np.array(json.loads(result.stdout)) if result.returncode == 0 else None), said


def main() -> int:
    """Print a line for each version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the environments here")
    arguments = parser.parse_args()
    worst = 0.0
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        saved = save_as_trained(work / "saved")
        staged = build_package(saved, work / "staged", allow_failed_gates="a base model")
        here = encode_texts(saved, ALL_TEXTS)
        print(f"reference: sentence-transformers {__version__}, the model as it was saved")
        for version, transformers in MATRIX.items():
            interpreter = environment(arguments.folder or work, version)
            name = f"sentence-transformers {version}, transformers {transformers}"
            unpackaged, said = encode_there(interpreter, saved)
            outcome = "loads" if unpackaged is not None else f"does not load ({said[-1]})"
            print(f"{name}: as saved {outcome}")
            there, said = encode_there(interpreter, staged)
            if there is None:
                print(f"{name}: packaged does not load ({said[-1]})")
                return 1
            difference = float(np.abs(there - here).max())
            worst = max(worst, difference)
            print(
                f"{name}: packaged loads; largest difference {difference:.1e}; {len(said)} warnings"
            )
            print("".join(f"    {line}\n" for line in said), end="")
    return 1 if worst > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())

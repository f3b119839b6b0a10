"""Packages a trained model: the allowed files, hashed, with the card and the metadata."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.serialization import from_json
from model_card.card.added_facts import AddedFacts, Publication, ReleaseNote
from model_card.card.card import render_card
from model_card.card.facts import holds_card_facts
from model_card.card.licensing import Terms, read_terms
from model_card.card.own_card import complete_own_card
from model_card.package.allow_list import publishable_files, read_json
from model_card.package.compatibility import OLDEST_VERSION, write_compatible
from model_card.package.integrity import LENGTH, OWN_HASH, hash_facts, hash_package
from model_card.package.leaks import check_no_machine_paths, check_no_training_text
from model_card.package.release_gates import Release, decide_release
from model_card.package.samples import encode_texts, make_samples
from model_card.package.signing import fingerprint, load_private_key, sign
from nic.errors import UserError
from nic.files import atomic_write_text, sha256_of
from nic.model_files import CARD, LICENSE_FILES, METADATA, SPLIT, matches
from nic.model_length import read_length
from pairs.loading import Pairs, load_pairs
from pairs.reading.source import Data, DataSource
from pairs.split_file import read_as_split

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AddFiles = Callable[[Path], dict[str, Any]]
TOLERANCE = 1e-6
# A JSON list of numbers over several lines; a JSON string contains no line end.
NUMBERS = re.compile(r"\[\n\s+(-?\d[^\[\]\"{}]*?)\n\s+\]")


@dataclass(frozen=True)
class TrainedModel:
    """A trained model that may be packaged.

    Attributes:
        folder: Its folder.
        metadata: What training wrote about it.
        names: Names of the files to publish.
        release: The decision on its gates.
        pairs: The data that it was trained on, if it was given.
        key: The key to sign with; None to leave it unsigned.
        card_is_rendered: Whether its card is the one that was rendered from the metadata.
    """

    folder: Path
    metadata: dict[str, Any]
    names: list[str]
    release: Release
    pairs: Pairs | None
    key: Ed25519PrivateKey | None
    card_is_rendered: bool


def build_package(
    model: Path,
    output: Path,
    allow_failed_gates: str | None = None,
    sign_key: Path | None = None,
    data_file: Data | None = None,
    add_files: AddFiles | None = None,
    publication: Publication | None = None,
    license: str | None = None,
    language: str | None = None,
) -> Path:
    """Makes a folder to publish from the output folder of a training, atomically.

    The same model gives the same bytes again.

    Args:
        model: The output folder of a training.
        output: The folder to write; it must not exist.
        allow_failed_gates: The reason to package a model whose gates failed or were not measured.
        sign_key: PEM file of an Ed25519 private key.
        data_file: The data that the model was trained on; needed if the card was changed since,
            to check that it quotes none of it.
        add_files: Called with the folder before it is hashed; may add files that the allow list
            has, and returns further facts for `metadata.json`.
        publication: The name and the hub that the card names.
        license: Licence that the publisher states, in place of what training wrote.
        language: Languages that the publisher states, separated by commas, likewise.

    Returns:
        The folder `output`.

    Raises:
        UserError: The model may not be packaged; nothing was written.
    """
    _check_output(model, output)
    terms = read_terms(license, language)
    trained = _read_trained_model(model, allow_failed_gates, sign_key, data_file)
    with _folder_beside(output) as staged:
        _copy_files(trained, staged)
        embeddings = _write_compatible(trained, staged)
        added = _added_facts(trained, publication, terms) | (add_files(staged) if add_files else {})
        _write_card(trained, added, staged / CARD)
        _write_metadata(trained, staged, embeddings, added)
        check_no_machine_paths(staged, model)
        if trained.pairs:
            check_no_training_text(staged, trained.pairs)
        if trained.key:
            sign(staged / METADATA, trained.key)
    return output


def _check_output(model: Path, output: Path) -> None:
    if not model.is_dir():
        raise UserError(f"--model {model}: no such folder; give the output folder of a training")
    if output.exists():
        raise UserError(f"--output {output}: is there already; remove it or name another folder")
    if not output.parent.is_dir():
        raise UserError(f"{output.parent}: no such folder; create it first")


def _read_trained_model(
    model: Path, reason: str | None, sign_key: Path | None, data_file: Data | None
) -> TrainedModel:
    """Reads a trained model and checks that it may be packaged, the cheapest check first."""
    key = load_private_key(sign_key) if sign_key else None
    metadata = _read_training_metadata(model)
    names = publishable_files(model)
    if CARD not in names:
        raise UserError(f"{model}: holds no card {CARD}; train it again, or write one")
    release = decide_release(metadata, reason)
    pairs = _load_training_data(model, metadata, data_file) if data_file else None
    unchanged = sha256_of(model / CARD) == metadata["files"].get(CARD)
    if not pairs and not unchanged:
        raise UserError(
            f"{model / CARD}: was changed since training checked that it quotes no training data; "
            "give the data with --data-file, so that it can be checked again"
        )
    rendered = unchanged and holds_card_facts(metadata)
    return TrainedModel(model, metadata, names, release, pairs, key, rendered)


def _read_training_metadata(model: Path) -> dict[str, Any]:
    metadata = read_json(model / METADATA)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("files"), dict):
        raise UserError(f"{model / METADATA}: lists no files; give the output folder of a training")
    if OWN_HASH in metadata:
        raise UserError(f"{model}: is packaged already; push it as it is")
    return metadata


def _load_training_data(model: Path, metadata: dict[str, Any], data_file: Data) -> Pairs:
    pairs = load_pairs(read_as_split(model / SPLIT, DataSource.of(data_file)))
    if pairs.sha256 != metadata["data"]["sha256"]:
        raise UserError(
            f"--data-file {pairs.path}: not the data that the model was trained on (SHA-256 "
            f"{pairs.sha256[:12]}, in {METADATA} {metadata['data']['sha256'][:12]})"
        )
    return pairs


def _copy_files(trained: TrainedModel, staged: Path) -> None:
    """Copies the allowed files without their modes, and compares them with what training saved.

    Raises:
        UserError: A file was changed or lost since the model was evaluated.
    """
    for name in trained.names:
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(trained.folder / name, staged / name)
        recorded = trained.metadata["files"].get(name)
        if recorded not in (None, sha256_of(staged / name)) and name != CARD:
            raise UserError(
                f"{trained.folder / name}: was changed since training wrote {METADATA}, whose "
                "metrics are those of another file; train or evaluate it again"
            )
    weights = [name for name in trained.metadata["files"] if name.endswith(".safetensors")]
    if lost := sorted(set(weights) - set(trained.names)):
        raise UserError(f"{trained.folder / lost[0]}: is missing; {METADATA} lists it")


def _added_facts(
    trained: TrainedModel, publication: Publication | None, terms: Terms
) -> dict[str, Any]:
    """Returns what packaging adds to the facts of training; nothing that is not given."""
    release = trained.release
    note = ReleaseNote(release.problem, release.reason) if release.problem else None
    files = [name for name in trained.names if matches(name, (LICENSE_FILES,))]
    facts = {
        "license": terms.license,
        "language": terms.language,
        "release": asdict(note) if note else None,
        "publication": asdict(publication) if publication else None,
    }
    given = {name: fact for name, fact in facts.items() if fact}
    # A licence file may have been removed since training.
    changed = files != trained.metadata.get("license_files", [])
    return given | ({"license_files": files} if changed else {})


def _write_card(trained: TrainedModel, added: dict[str, Any], path: Path) -> None:
    """Renders the card that training wrote anew; one that the publisher changed is kept."""
    if trained.card_is_rendered:
        card = render_card({**trained.metadata, **added})
    else:
        own = path.read_text(encoding="utf-8")
        card = complete_own_card(own, from_json(AddedFacts, added))
    atomic_write_text(path, card)


def _write_compatible(trained: TrainedModel, staged: Path) -> np.ndarray:
    """Rewrites the settings for earlier versions, and checks that the model encodes as before.

    Returns:
        `(samples, dim)` embeddings of the sample sentences by the rewritten model.

    Raises:
        UserError: It does not load, or encodes differently.
    """
    write_compatible(staged)
    before, after = encode_texts(trained.folder), encode_texts(staged)
    difference = np.abs(before - after).max() if before.shape == after.shape else np.inf
    if not difference <= TOLERANCE:
        raise UserError(
            f"{trained.folder}: written for sentence-transformers {OLDEST_VERSION} and later it "
            f"encodes otherwise (by {difference:.1e}); not packaged"
        )
    return after


def _write_metadata(
    trained: TrainedModel, staged: Path, embeddings: np.ndarray, added: dict[str, Any]
) -> None:
    metadata = {**trained.metadata, **added, "gates": trained.release.gates}
    if trained.key:
        metadata["signed_by"] = fingerprint(trained.key.public_key())
    if length := read_length(staged):
        metadata[LENGTH] = length
    metadata["files"] = hash_package(staged)
    metadata["samples"] = [asdict(sample) for sample in make_samples(embeddings)]
    metadata[OWN_HASH] = hash_facts(metadata)
    content = json.dumps(metadata, indent=2, ensure_ascii=False)
    atomic_write_text(staged / METADATA, NUMBERS.sub(_on_one_line, content) + "\n")


def _on_one_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers.group(1).split())}]"


@contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    """Yields a folder to write to, which becomes `output` once everything is written."""
    staged = Path(tempfile.mkdtemp(dir=output.parent, prefix=f"{output.name}.incomplete-"))
    try:
        yield staged
        for path in [staged, *staged.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        staged.rename(output)
    finally:
        shutil.rmtree(staged, ignore_errors=True)

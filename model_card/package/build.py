"""A trained model made into a folder to publish: allowed files only, hashed, and compared."""

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

from model_card.card.release_note import Publication, insert_release_note, name_publication
from model_card.package.allow_list import publishable_files, read_json
from model_card.package.compatibility import OLDEST_VERSION, write_older_form
from model_card.package.integrity import OWN_HASH, hash_facts, hash_package
from model_card.package.leaks import check_no_machine_paths, check_no_training_text
from model_card.package.release_gates import Release, decide_release
from model_card.package.samples import encode_texts, make_samples
from model_card.package.signing import fingerprint, load_private_key, sign
from nic.errors import UserError
from nic.files import atomic_write_text, sha256_of
from nic.model_files import CARD, METADATA
from pairs.loading import Pairs, load_pairs

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AddFiles = Callable[[Path], dict[str, Any]]
TOLERANCE = 1e-6
# A JSON list of numbers over many lines; no string of JSON holds a line end.
NUMBERS = re.compile(r"\[\n\s+(-?\d[^\[\]\"{}]*?)\n\s+\]")


@dataclass(frozen=True)
class Source:
    """A trained model, looked over before anything is written.

    Attributes:
        folder: Its folder.
        metadata: What training wrote about it.
        names: Its files that are published.
        release: Why it may be published.
        pairs: The data that it was trained on, where it was given.
        key: The key to sign with, if any.
    """

    folder: Path
    metadata: dict[str, Any]
    names: list[str]
    release: Release
    pairs: Pairs | None
    key: Ed25519PrivateKey | None


def stage_model(
    model: Path,
    output: Path,
    allow_failed_gates: str | None = None,
    sign_key: Path | None = None,
    data_file: Path | None = None,
    add_files: AddFiles | None = None,
    publication: Publication | None = None,
) -> Path:
    """Make a trained model's folder into one to publish, whole or not at all.

    The same model gives the same bytes again.

    Args:
        model: The output folder of a training.
        output: The folder to write; it must not be there yet.
        allow_failed_gates: The reason to package a model whose gates failed or were not measured.
        sign_key: PEM file of an Ed25519 private key.
        data_file: The data that the model was trained on; needed where the card was changed
            since, to check that it quotes none of it.
        add_files: Called with the folder before it is hashed; may add files that the allow list
            has, and gives further facts for `metadata.json`.
        publication: The name and hub that its card shall tell.

    Returns:
        The folder `output`.

    Raises:
        UserError: Something stands against publishing it; nothing was written.
    """
    _check_output(model, output)
    source = _look_over(model, allow_failed_gates, sign_key, data_file)
    with _folder_beside(output) as staged:
        _copy_files(source, staged)
        _complete_card(source.release, publication, staged / CARD)
        embeddings = _write_for_older_versions(source, staged)
        facts = add_files(staged) if add_files else {}
        _write_metadata(source, staged, embeddings, facts)
        check_no_machine_paths(staged, model)
        if source.pairs:
            check_no_training_text(staged, source.pairs)
        if source.key:
            sign(staged / METADATA, source.key)
    return output


def _check_output(model: Path, output: Path) -> None:
    if not model.is_dir():
        raise UserError(f"--model {model}: no such folder; give the output folder of a training")
    if output.exists():
        raise UserError(f"--output {output}: is there already; remove it or name another folder")
    if not output.parent.is_dir():
        raise UserError(f"{output.parent}: no such folder; create it first")


def _look_over(
    model: Path, reason: str | None, sign_key: Path | None, data_file: Path | None
) -> Source:
    """Read all that speaks for or against publishing a model, cheapest first."""
    key = load_private_key(sign_key) if sign_key else None
    metadata = _read_training_metadata(model)
    names = publishable_files(model)
    if CARD not in names:
        raise UserError(f"{model}: holds no card {CARD}; train it again, or write one")
    release = decide_release(metadata, reason)
    pairs = _load_training_data(metadata, data_file) if data_file else None
    if not pairs and sha256_of(model / CARD) != metadata["files"].get(CARD):
        raise UserError(
            f"{model / CARD}: was changed since training checked that it quotes no training data; "
            "give the data with --data-file, so that it can be checked again"
        )
    return Source(model, metadata, names, release, pairs, key)


def _read_training_metadata(model: Path) -> dict[str, Any]:
    metadata = read_json(model / METADATA)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("files"), dict):
        raise UserError(f"{model / METADATA}: lists no files; give the output folder of a training")
    if OWN_HASH in metadata:
        raise UserError(f"{model}: is packaged already; push it as it is")
    return metadata


def _load_training_data(metadata: dict[str, Any], data_file: Path) -> Pairs:
    pairs = load_pairs(data_file)
    if pairs.sha256 != metadata["data"]["sha256"]:
        raise UserError(
            f"--data-file {data_file}: not the data that the model was trained on (SHA-256 "
            f"{pairs.sha256[:12]}, in {METADATA} {metadata['data']['sha256'][:12]})"
        )
    return pairs


def _copy_files(source: Source, staged: Path) -> None:
    """Copy the allowed files without their modes, and compare them with what training saved.

    Raises:
        UserError: A file was changed or lost since its figures were measured.
    """
    for name in source.names:
        (staged / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source.folder / name, staged / name)
        recorded = source.metadata["files"].get(name)
        if recorded not in (None, sha256_of(staged / name)) and name != CARD:
            raise UserError(
                f"{source.folder / name}: was changed since training wrote {METADATA}, whose "
                "figures are those of another file; train or evaluate it again"
            )
    weights = [name for name in source.metadata["files"] if name.endswith(".safetensors")]
    if lost := sorted(set(weights) - set(source.names)):
        raise UserError(f"{source.folder / lost[0]}: is missing; {METADATA} lists it")


def _complete_card(release: Release, publication: Publication | None, path: Path) -> None:
    card = path.read_text(encoding="utf-8")
    if release.problem:
        card = insert_release_note(card, release.problem, release.reason)
    if publication:
        card = name_publication(card, publication)
    atomic_write_text(path, card)


def _write_for_older_versions(source: Source, staged: Path) -> np.ndarray:
    """Rewrite the settings, and check that the model encodes as before.

    Returns:
        `(samples, dim)` embeddings of the sample sentences by the rewritten model.

    Raises:
        UserError: It does not load, or encodes otherwise.
    """
    write_older_form(staged)
    before, after = encode_texts(source.folder), encode_texts(staged)
    difference = np.abs(before - after).max() if before.shape == after.shape else np.inf
    if not difference <= TOLERANCE:
        raise UserError(
            f"{source.folder}: written for sentence-transformers {OLDEST_VERSION} and later it "
            f"encodes otherwise (by {difference:.1e}); not packaged"
        )
    return after


def _write_metadata(
    source: Source, staged: Path, embeddings: np.ndarray, facts: dict[str, Any]
) -> None:
    metadata = {**source.metadata, **facts, "gates": source.release.gates}
    if source.key:
        metadata["signed_by"] = fingerprint(source.key.public_key())
    metadata["files"] = hash_package(staged)
    metadata["samples"] = [asdict(sample) for sample in make_samples(embeddings)]
    metadata[OWN_HASH] = hash_facts(metadata)
    content = json.dumps(metadata, indent=2, ensure_ascii=False)
    atomic_write_text(staged / METADATA, NUMBERS.sub(_on_one_line, content) + "\n")


def _on_one_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers.group(1).split())}]"


@contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    """Give a folder to write to, which takes the place of `output` once all is written."""
    staged = Path(tempfile.mkdtemp(dir=output.parent, prefix=f"{output.name}.incomplete-"))
    try:
        yield staged
        for path in [staged, *staged.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        staged.rename(output)
    finally:
        shutil.rmtree(staged, ignore_errors=True)

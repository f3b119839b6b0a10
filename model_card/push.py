"""Publishes a model on a hub, and verifies one in a folder or on a hub."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path

from model_card.card.added_facts import Publication
from model_card.commands import Packaging
from model_card.hubs import Hub, Published, select_hub
from model_card.names import MAIN, check_repo_id
from model_card.package.build import AddFiles, build_package
from model_card.package.integrity import Verification, is_packaged, verify_folder
from nic.errors import UserError


def publish_model(
    model: str | Path, hub: Hub, repo_id: str, tag: str, packaging: Packaging | None = None
) -> Published:
    """Publishes a model under a tag, which never changes afterwards.

    Example:
        >>> hub = open_hub("/srv/hub")
        >>> publish_model("models/nic-embeddings-v1.0", hub, "org/nic-embeddings-v1.0", "v1.0")

    Args:
        model: The output folder of a training, or a packaged model.
        hub: The hub, as `open_hub` returns it.
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version, such as "v1.0".
        packaging: How the output of a training is packaged; a packaged model takes no options.

    Raises:
        UserError: The model may not be published, or the hub refuses it.
        IntegrityError: A packaged model is damaged, or the hub does not hold what was sent.
    """
    check_repo_id(repo_id)
    folder, packaging = Path(model), packaging or Packaging()
    if is_packaged(folder):
        _refuse_options(folder, packaging)
        verify_folder(folder)
        return hub.publish(folder, repo_id, tag)
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as work:
        publication = Publication(repo_id, tag, hub.endpoint)
        packaged = package_model(folder, Path(work) / "staged", packaging, publication)
        return hub.publish(packaged, repo_id, tag)


def package_model(
    model: str | Path,
    output: str | Path,
    packaging: Packaging | None = None,
    publication: Publication | None = None,
) -> Path:
    """Makes a folder to publish from the output of a training: its files, card and metadata.

    Example:
        >>> packaging = Packaging(license="cc-by-4.0", language="en")
        >>> package_model("models/nic-embeddings-v1.0", "dist", packaging)

    Args:
        model: The output folder of a training.
        output: The folder to write; it must not exist.
        packaging: How the model is packaged; the defaults add nothing.
        publication: Name and hub that the card names.

    Returns:
        The folder `output`.

    Raises:
        UserError: The model may not be published; nothing was written.
    """
    packaging = packaging or Packaging()
    return build_package(
        Path(model),
        Path(output),
        allow_failed_gates=packaging.allow_failed_gates,
        sign_key=packaging.sign_key,
        data_file=packaging.data_file,
        add_files=_variants(Path(model), packaging),
        publication=publication,
        license=packaging.license,
        language=packaging.language,
    )


def verify_model(
    target: str | Path,
    hub: Hub | None = None,
    revision: str = MAIN,
    public_key: Path | None = None,
) -> Verification:
    """Verifies a packaged folder, or a version on a hub.

    Example:
        >>> verify_model("org/nic-embeddings-v1.0", open_hub("/srv/hub"), revision="v1.0")

    Args:
        target: The folder; or the name of a repository, if a hub is given or there is no such
            folder (then on the hub of HF_ENDPOINT).
        hub: The hub, as `open_hub` returns it.
        revision: Tag or commit on the hub.
        public_key: PEM file of the key that must have signed.

    Raises:
        IntegrityError: The model is not what was published.
        UserError: There is no such folder or version.
    """
    if hub is None and Path(target).is_dir():
        if revision != MAIN:
            raise UserError(f"--revision {revision}: {target} is a folder and has no revisions")
        return verify_folder(Path(target), public_key)
    hub = hub or select_hub(question=f"{target}: no such folder. Or on which hub? Give")
    repo_id = str(target)
    check_repo_id(repo_id)
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as work:
        folder = hub.fetch(repo_id, revision, Path(work) / "model")
        return verify_folder(folder, public_key)


def _refuse_options(folder: Path, packaging: Packaging) -> None:
    for field in fields(packaging):
        if getattr(packaging, field.name) != field.default:
            flag = "--" + field.name.replace("_", "-")
            raise UserError(f"{folder}: is packaged already; give {flag} to nic-publish package")


def _variants(model: Path, packaging: Packaging) -> AddFiles | None:
    """Returns what adds the variants that are asked for; None if none is."""
    asked = {"fp32": packaging.onnx, "int8": packaging.int8}
    names = [name for name, wanted in asked.items() if wanted]
    if not names:
        return None
    from model_card.export.add_variants import variant_adder

    return variant_adder(model, packaging.data_file, names, packaging.allow_loss)

"""Publish a model on one hub, and verify one wherever it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from model_card.arguments import check_hub
from model_card.card.release_note import Publication
from model_card.hubs import MAIN, Published, check_repo_id
from model_card.package.build import stage_model
from model_card.package.integrity import Verification, is_packaged, verify_folder
from nic.errors import UserError


def push(
    model: Path,
    repo_id: str,
    tag: str,
    local_hub: Path | None = None,
    endpoint: str | None = None,
    copy: bool = False,
    public: bool = False,
    **packaging: Any,
) -> Published:
    """Publish a model; with neither a local hub nor an endpoint, on the hub of HF_ENDPOINT.

    Args:
        model: The output folder of a training, or what `stage_model` made of it.
        repo_id: "organisation/name".
        tag: Name of the version; it never moves.
        local_hub: Folder of a local hub.
        endpoint: URL of a private hub.
        copy: Copies instead of symbolic links in a local hub.
        public: Whether the repository of a private hub is, or may be, public.
        **packaging: Further arguments of `stage_model`.

    Raises:
        UserError: The model may not be published, or the hub does not take it.
    """
    _check_push(repo_id, local_hub, endpoint, copy, public)
    given = {name: value for name, value in packaging.items() if value is not None}
    if is_packaged(model):
        if given:
            flag = "--" + next(iter(given)).replace("_", "-")
            raise UserError(f"{model}: is packaged already; give {flag} to nic-publish package")
        verify_folder(model)
        return _publish(model, repo_id, tag, local_hub, endpoint, copy, public)
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as work:
        url = None if local_hub else endpoint or os.environ.get("HF_ENDPOINT")
        named = Publication(repo_id, tag, url)
        staged = stage_model(model, Path(work) / "staged", publication=named, **given)
        return _publish(staged, repo_id, tag, local_hub, endpoint, copy, public)


def verify(
    target: str,
    local_hub: Path | None = None,
    endpoint: str | None = None,
    revision: str = MAIN,
    public_key: Path | None = None,
) -> Verification:
    """Check a packaged folder, or a version on a hub.

    Args:
        target: The folder; or "organisation/name" where a hub is given, or none is and there is
            no such folder (the hub of HF_ENDPOINT).
        local_hub: Folder of a local hub.
        endpoint: URL of a private hub.
        revision: Tag or commit on the hub.
        public_key: PEM file of the key that must have signed.

    Raises:
        IntegrityError: It is not what was published.
        UserError: There is no such folder or version.
    """
    if not local_hub and not endpoint and Path(target).is_dir():
        if revision != MAIN:
            raise UserError(f"--revision {revision}: {target} is a folder and has no revisions")
        return verify_folder(Path(target), public_key)
    check_hub(local_hub, endpoint, f"{target}: no such folder. Or on which hub? Give")
    check_repo_id(target)
    if local_hub:
        from model_card.local_hub.versions import snapshot_folder

        return verify_folder(snapshot_folder(local_hub, target, revision), public_key)
    from model_card.remote_hub.publishing import download_version

    with tempfile.TemporaryDirectory(prefix="nic-publish-") as work:
        folder = download_version(target, revision, Path(work) / "model", endpoint)
        return verify_folder(folder, public_key)


def _check_push(
    repo_id: str, local_hub: Path | None, endpoint: str | None, copy: bool, public: bool
) -> None:
    check_repo_id(repo_id)
    check_hub(local_hub, endpoint)
    if local_hub and public:
        raise UserError("--public: only for an endpoint; a local hub is a folder")
    if copy and not local_hub:
        raise UserError("--copy: only for a local hub; give --local-hub DIR")


def _publish(
    staged: Path,
    repo_id: str,
    tag: str,
    local_hub: Path | None,
    endpoint: str | None,
    copy: bool,
    public: bool,
) -> Published:
    if local_hub:
        from model_card.local_hub.versions import publish_local

        return publish_local(staged, local_hub, repo_id, tag, copy=copy)
    from model_card.remote_hub.publishing import publish_remote

    return publish_remote(staged, repo_id, tag, endpoint=endpoint, public=public)

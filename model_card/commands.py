"""The commands of `nic-publish` as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pairs.reading.source import Data


@dataclass(frozen=True)
class Packaging:
    """How a trained model is packaged.

    Attributes:
        allow_failed_gates: The reason to package a model whose gates failed or were not measured.
        license: Licence that the publisher states, such as "apache-2.0".
        language: Languages that the publisher states, such as "en" or "en,de".
        sign_key: PEM file of an Ed25519 private key to sign with.
        data_file: The training data, a file or several; needed for a card that was edited, and for
            the variants.
        onnx: Add an ONNX file in full precision.
        int8: Add an ONNX file in int8.
        allow_loss: Add a variant although it loses more than 0.01 Recall@5.
    """

    allow_failed_gates: str | None = None
    license: str | None = None
    language: str | None = None
    sign_key: Path | None = None
    data_file: Data | None = None
    onnx: bool = False
    int8: bool = False
    allow_loss: bool = False


@dataclass(frozen=True)
class Package:
    """`nic-publish package`: makes a folder to publish.

    Attributes:
        model: Output folder of a training.
        output: Folder to write.
        packaging: How the model is packaged.
    """

    model: Path
    output: Path
    packaging: Packaging


@dataclass(frozen=True)
class Push:
    """`nic-publish push`: publishes a model under a tag.

    Attributes:
        model: Output folder of a training, or a packaged model.
        repo_id: Name of the repository, "organisation/name".
        revision_tag: Name of the version, such as "v1.0".
        local_hub: Folder of a local hub.
        endpoint: URL of a remote hub; HF_ENDPOINT stands in for both.
        copy: Publish copies instead of symbolic links (local hub).
        public: Allow a repository that everybody can read (remote hub).
        packaging: How the model is packaged.
    """

    model: Path
    repo_id: str
    revision_tag: str
    local_hub: str | None
    endpoint: str | None
    copy: bool
    public: bool
    packaging: Packaging


@dataclass(frozen=True)
class Verify:
    """`nic-publish verify`: checks a published model, file by file.

    Attributes:
        target: A folder, or the name of a repository.
        local_hub: Folder of a local hub.
        endpoint: URL of a remote hub.
        revision: Tag or commit of the repository.
        public_key: PEM file of the key that must have signed.
    """

    target: str
    local_hub: str | None
    endpoint: str | None
    revision: str
    public_key: Path | None


@dataclass(frozen=True)
class ListVersions:
    """`nic-publish list`: shows the versions in a local hub.

    Attributes:
        local_hub: Folder of the hub.
    """

    local_hub: str


@dataclass(frozen=True)
class Promote:
    """`nic-publish promote`: lets main name another version.

    Attributes:
        tag: Name of the version.
        repo_id: Name of the repository, "organisation/name".
        local_hub: Folder of the hub.
    """

    tag: str
    repo_id: str
    local_hub: str


@dataclass(frozen=True)
class Rollback:
    """`nic-publish rollback`: takes back the last move of main.

    Attributes:
        repo_id: Name of the repository, "organisation/name".
        local_hub: Folder of the hub.
    """

    repo_id: str
    local_hub: str


@dataclass(frozen=True)
class RepairHub:
    """`nic-publish repair`: mends the damaged state of a local hub.

    Attributes:
        local_hub: Folder of the hub.
    """

    local_hub: str


@dataclass(frozen=True)
class Export:
    """`nic-publish export`: writes a version to an archive.

    Attributes:
        tag: Name of the version.
        repo_id: Name of the repository, "organisation/name".
        local_hub: Folder of the hub.
        archive: Zip file to write.
    """

    tag: str
    repo_id: str
    local_hub: str
    archive: Path


@dataclass(frozen=True)
class Import:
    """`nic-publish import`: publishes an archive in another local hub.

    Attributes:
        archive: Zip file to read.
        local_hub: Folder of the hub.
        copy: Publish copies instead of symbolic links.
    """

    archive: Path
    local_hub: str
    copy: bool


Command = Package | Push | Verify | ListVersions | Promote | Rollback | RepairHub | Export | Import

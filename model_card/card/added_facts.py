"""The facts that packaging and publishing add to those of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_card.export.report import VariantReport


@dataclass(frozen=True)
class ReleaseNote:
    """Why a model was published whose gates did not pass.

    Attributes:
        problem: What the gates found.
        reason: The reason that the publisher gave.
    """

    problem: str
    reason: str


@dataclass(frozen=True)
class Publication:
    """Where a model is published.

    Attributes:
        repo_id: "organisation/name".
        tag: Name of the version.
        endpoint: URL of a private hub; None for a local one.
    """

    repo_id: str
    tag: str
    endpoint: str | None = None

    @property
    def url(self) -> str | None:
        """Page of the model on a private hub."""
        return f"{self.endpoint.rstrip('/')}/{self.repo_id}" if self.endpoint else None


@dataclass(frozen=True)
class AddedFacts:
    """The facts that packaging adds to a card, whoever wrote it; as in `CardFacts`."""

    license: str | None = None
    language: list[str] = field(default_factory=list)
    release: ReleaseNote | None = None
    variants: VariantReport | None = None
    publication: Publication | None = None

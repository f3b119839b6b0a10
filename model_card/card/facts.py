"""The facts of a model card, as `metadata.json` holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from pydantic import ValidationError

from evaluation.gates import GateReport
from evaluation.mined_negatives import TrainedNegatives
from evaluation.retrieval.evaluator import Metrics
from evaluation.serialization import from_json
from evaluation.summary import PublishedEvaluation
from model_card.card.added_facts import Publication, ReleaseNote
from model_card.card.licensing import Terms, card_terms, hub_id, known_terms
from model_card.export.report import VariantReport
from nic.encoding import COSINE, Encoding
from nic.errors import UserError
from nic.model_files import EARLIER_PLOTS, METADATA, PLOTS

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class ModelFacts:
    """The model.

    Attributes:
        name: Name of its folder.
        embedding_dimension: Length of an embedding.
        max_seq_length: Longest input, in tokens; None where nothing is truncated.
        similarity: Name of the similarity function.
        prompts: Its prompts by name; "query" and "document" are those of retrieval.
        default_prompt_name: Name of the prompt that plain `encode` uses; None for none.
    """

    name: str
    embedding_dimension: int
    max_seq_length: int | None
    similarity: str
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None

    @property
    def compared_by(self) -> str:
        """Its similarity in words."""
        return Encoding(similarity=self.similarity).compared_by


@dataclass(frozen=True)
class BaseModelFacts:
    """The model that training started from.

    Attributes:
        name: What the user asked for; of a local folder its last part.
        origin: How it was found.
        weights_sha256: SHA-256 of its weights; None if unknown.
        license: Licence that it states; None if it states none.
        language: Languages that it states.
        license_name: Name of its licence where `license` is "other".
    """

    name: str
    origin: str | None = None
    weights_sha256: str | None = None
    license: str | None = None
    language: list[str] = field(default_factory=list)
    license_name: str | None = None

    @property
    def hub_id(self) -> str | None:
        """Its name on the Hub; None for a local folder."""
        return hub_id(self.name, self.origin, self.weights_sha256)

    @property
    def terms(self) -> Terms:
        """Its licence and languages: what it states, or what is known of all-MiniLM-L6-v2."""
        stated = Terms(self.license, self.language, self.license_name)
        return stated.or_else(known_terms(self.name, self.origin, self.weights_sha256))


@dataclass(frozen=True)
class SplitFacts:
    """The split of the data.

    Attributes:
        shared_passages: Passages in more than one part.
        shared_queries: Queries in more than one part.
        domains: Number of pairs by domain and part.
        validation_passages: Number of different positives of the validation part; None, as in the
            following, where it was not counted.
        validation_positives_among_train_negatives: How many of them are trained on as negatives.
        test_passages: As of the validation part.
        test_positives_among_train_negatives: As of the validation part.
    """

    shared_passages: int
    shared_queries: int
    domains: dict[str, dict[str, int]]
    validation_passages: int | None = None
    validation_positives_among_train_negatives: int | None = None
    test_passages: int | None = None
    test_positives_among_train_negatives: int | None = None

    def trained_on_as_negatives(self, part: str) -> str:
        """Returns how many positives of a held-out part are training negatives, as "41 of 44"."""
        count = getattr(self, f"{part}_positives_among_train_negatives", None)
        passages = getattr(self, f"{part}_passages", None)
        return "some" if count is None or passages is None else f"{count} of {passages}"

    @property
    def parts(self) -> list[str]:
        """Names of the parts, in the order train, validation, test."""
        found = {part for counts in self.domains.values() for part in counts}
        return [part for part in PARTS if part in found]


@dataclass(frozen=True)
class CheckFacts:
    """What the check of the data found.

    Attributes:
        findings: Number of rows by the key of the finding.
    """

    findings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DataFacts:
    """The training data, by its hash and its counts.

    Attributes:
        language: ISO 639 code of the language that its texts look like; None where nothing tells.
        trained_on: Number of pairs that were trained on; None where an earlier version trained.
        dropped: Number of training pairs by the finding for which they were left out.
    """

    sha256: str
    pairs: int
    queries: int
    positives: int
    negatives: int
    split: SplitFacts
    check: CheckFacts
    language: str | None = None
    trained_on: int | None = None
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FreezingFacts:
    """The layers that were asked to be frozen and those that were."""

    asked: int
    frozen_layers: int
    layers: int
    trainable_parameters: int
    parameters: int


@dataclass(frozen=True)
class NegativesFacts(TrainedNegatives):
    """Which negatives were trained on.

    Attributes:
        per_row: The largest number of a row; earlier versions read one.
    """

    per_row: int = 1


@dataclass(frozen=True)
class TrainingFacts:
    """How the model was trained.

    Attributes:
        command: Arguments of `training/train.py` that repeat the training.
        best_step: Optimizer step of the checkpoint that became the model.
        similarity: What the loss compares by; earlier versions knew cosine alone.
    """

    command: list[str]
    loss: str
    scale: float | None
    epochs: float
    batch_size: int
    learning_rate: float
    schedule: str
    freezing: FreezingFacts
    seed: int
    steps: int
    best_step: int
    similarity: str = COSINE
    negatives: NegativesFacts = field(default_factory=NegativesFacts)


@dataclass(frozen=True)
class WorstDomain:
    """Name of the domain with the lowest primary metric."""

    domain: str


@dataclass(frozen=True)
class ModelMetrics:
    """Metrics of a model on the held-out queries, each in [0, 1], and numbers of queries."""

    overall: Metrics
    macro: Metrics
    worst: WorstDomain
    domains: dict[str, Metrics]


@dataclass(frozen=True)
class MetricFacts:
    """Metrics of the base model and of the tuned one."""

    base: ModelMetrics
    tuned: ModelMetrics


@dataclass(frozen=True)
class EnvironmentFacts:
    """Device of the training, and the versions of the packages."""

    device: str
    packages: dict[str, str]


@dataclass(frozen=True)
class CardFacts:
    """Everything that a card says; `metadata.json` holds each part under the same key.

    What has a default is not in the metadata of every model: packaging and publishing add it, and
    models that were trained with earlier versions do not have it.

    Attributes:
        figures: Names of the plots.
        files: SHA-256 of the files that training wrote, by name.
        license: Licence that the publisher states; None if none is stated.
        language: Languages that the publisher states.
        license_files: Names of the files with the text of the licence.
        release: The note on gates that did not pass.
        variants: Measurements of the ONNX variants.
        publication: The hub that the model is published on.
    """

    model: ModelFacts
    base_model: BaseModelFacts
    data: DataFacts
    training: TrainingFacts
    metrics: MetricFacts
    evaluation: PublishedEvaluation
    gates: GateReport
    figures: list[str]
    environment: EnvironmentFacts
    files: dict[str, str] = field(default_factory=dict)
    license: str | None = None
    language: list[str] = field(default_factory=list)
    license_files: list[str] = field(default_factory=list)
    release: ReleaseNote | None = None
    variants: VariantReport | None = None
    publication: Publication | None = None

    @property
    def terms(self) -> Terms:
        """Licence and languages that the card states."""
        publisher = Terms(self.license, self.language)
        return card_terms(publisher, self.base_model.terms, self.data.language)

    @property
    def plots_folder(self) -> str:
        """Name of the folder of the plots; models of earlier versions have another one."""
        earlier = any(name.startswith(f"{EARLIER_PLOTS}/") for name in self.files)
        return EARLIER_PLOTS if earlier else PLOTS


def holds_card_facts(metadata: Mapping[str, Any]) -> bool:
    """Whether a card can be rendered from `metadata.json`: all parts without a default are there.

    A folder that was not trained here, but packaged from a saved model, lacks them.
    """
    needed = [one.name for one in fields(CardFacts) if _is_required(one)]
    return all(metadata.get(name) is not None for name in needed)


def read_card_facts(metadata: Mapping[str, Any]) -> CardFacts:
    """Returns the facts of a card from the content of `metadata.json`.

    Raises:
        UserError: A fact is missing or of another type; the message names it.
    """
    try:
        return from_json(CardFacts, metadata)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{METADATA}: {place}: {first['msg'].lower()}; train the model again"
        ) from error


def _is_required(one: Any) -> bool:
    return one.default is MISSING and one.default_factory is MISSING

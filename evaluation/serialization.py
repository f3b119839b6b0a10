"""The dataclasses of an evaluation as JSON, and back; nothing else converts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from evaluation.retrieval.evaluator import RetrievalReport

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
JsonObject = dict[str, Any]


def to_json(value: DataclassInstance) -> JsonObject:
    """Returns a dataclass as an object of JSON, its fields by name."""
    return asdict(value)


def from_json(kind: type[T], content: object) -> T:
    """Returns what `to_json` wrote; fields that the dataclass does not know are ignored.

    Args:
        kind: A dataclass, or a type made of dataclasses such as `list[Gate]`.
        content: Content of a JSON file.

    Raises:
        ValueError: A field is missing or of another type.
    """
    return TypeAdapter(kind).validate_python(content)


def report_to_json(report: RetrievalReport) -> JsonObject:
    """Returns a report as result files hold it: the worst domain is named beside its metrics."""
    return {
        "overall": report.overall,
        "macro": report.macro,
        "worst": {"domain": report.worst_domain, **report.worst},
        "domains": report.domains,
        "corpus_size": report.corpus_size,
    }


def report_from_json(content: Mapping[str, Any]) -> RetrievalReport:
    """Returns the report that `report_to_json` wrote.

    Raises:
        ValueError: A field is missing or of another type.
    """
    worst = dict(content["worst"])
    worst_domain = worst.pop("domain")
    return from_json(RetrievalReport, {**content, "worst_domain": worst_domain, "worst": worst})

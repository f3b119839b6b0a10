"""The evidence: what each query found with each model, kept so that figures need no encoding."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import evaluate

from evaluation.retrieval.query_results import Results, read_results, write_results
from nic.errors import UserError
from nic.files import atomic_write, atomic_write_text

EVIDENCE = "results.json"
PER_QUERY = "per_query.jsonl"
PROBE_PER_QUERY = "probe_per_query.jsonl"


@dataclass(frozen=True)
class EvaluationResults:
    """What an evaluation found out, before any averaging.

    Attributes:
        model: Name of the model under test, as the report shows it.
        base: Name of the model that the others are compared with.
        data: File name, SHA-256 and the part of the rows that was asked.
        task: Scope and sizes, as `RetrievalTask.describe` gives them.
        results: What each query found, by model; the model under test comes first.
        chose_checkpoint: Whether queries asked also chose the checkpoint; None where unknown.
        probe: The same on the forgetting probe, empty where there was none.
        probe_data: File name and SHA-256 of the probe.
        speed: As `SpeedReport.as_dict` gives it, None where it was not measured.
        loads: Whether the folder of the model under test loads and encodes.
        history: The Trainer's log of the run that made the model; empty where unknown.
    """

    model: str
    base: str
    data: dict[str, Any]
    task: dict[str, Any]
    results: Results
    chose_checkpoint: bool | None = None
    probe: Results | None = None
    probe_data: dict[str, Any] | None = None
    speed: dict[str, Any] | None = None
    loads: bool | None = None
    history: list[dict[str, Any]] | None = None

    @property
    def caveat(self) -> str:
        """What a reader must know of the queries that were asked; empty where all is well."""
        if self.data["part"] == "all" and self.chose_checkpoint:
            return (
                "Every query of the file was asked, those that the model was trained on too: "
                "these figures say nothing of other queries."
            )
        if self.chose_checkpoint:
            return "The same queries chose the checkpoint: these figures lean to the high side."
        return ""

    def facts(self) -> dict[str, Any]:
        """All but the rows a query."""
        return {key: value for key, value in vars(self).items() if key not in ("results", "probe")}


def write_results_folder(
    evidence: EvaluationResults, figures: dict[str, Any], folder: Path
) -> None:
    """Write the rows a query, then the facts and the figures that follow, with `evaluate.save`.

    `evaluate.save` adds time, commit and versions; the interpreter's path, which it adds too, is
    left out, for it names a folder of this machine.

    Args:
        evidence: What was found.
        figures: What was computed from it; reading looks at none of it.
        folder: An existing folder.
    """
    write_results(evidence.results, folder / PER_QUERY)
    if evidence.probe:
        write_results(evidence.probe, folder / PROBE_PER_QUERY)
    with atomic_write(folder / EVIDENCE) as staged:
        evaluate.save(staged, evidence=evidence.facts(), **figures)
        content = json.loads(staged.read_text(encoding="utf-8"))
        del content["_interpreter_path"]
        atomic_write_text(staged, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_results_folder(folder: Path) -> EvaluationResults:
    """Read what `write_results_folder` wrote.

    Raises:
        UserError: The folder holds no complete evaluation.
    """
    path = folder / EVIDENCE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))["evidence"]
        evidence = EvaluationResults(**facts, results={})
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: cannot be read ({reason}); give the folder of an evaluation"
        ) from error
    probe = read_results(folder / PROBE_PER_QUERY) if evidence.probe_data else None
    results = read_results(folder / PER_QUERY)
    for name in (evidence.model, evidence.base):
        if name not in results:
            raise UserError(f"{folder / PER_QUERY}: holds no row of {name}; evaluate again")
    return replace(evidence, results=results, probe=probe)

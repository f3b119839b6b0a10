"""The results of an evaluation per query, from which metrics are computed without encoding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.dimensions import Dimension
from evaluation.latency import SpeedReport
from evaluation.mined_negatives import TrainedNegatives
from evaluation.mixing import MixingCurve
from evaluation.retrieval.forgetting_probe import ProbeData
from evaluation.retrieval.query_results import Results, read_results, write_results
from evaluation.retrieval.task import TaskDescription
from evaluation.serialization import JsonObject, from_json, to_json
from evaluation.trials import Search
from nic.encoding import Encoding
from nic.errors import UserError, one_line
from nic.files import atomic_write_text, load_json, read_json_object
from pairs.draws import SplitBy

RESULTS = "results.json"
# Key of the facts in `results.json`; the metrics computed from them stand beside it.
FACTS = "evidence"
PER_QUERY = "per_query.jsonl"
PROBE_PER_QUERY = "probe_per_query.jsonl"

# What the Trainer logs at one step, such as loss, learning rate and validation metrics.
LogEntry = dict[str, int | float | str | None]


@dataclass(frozen=True)
class DataDescription:
    """The data file and the part of it whose queries are asked.

    Attributes:
        file: File name, without its folder.
        sha256: SHA-256 of its bytes.
        part: "all", "test", "validation" or "cross-validation".
        rows_asked: Number of rows of that part; None where unknown.
        folds: Number of models of a cross-validation; 0 for the results of one model.
        made_rows: Number of rows asked whose query was made, not asked by people.
        split_by: "date" where the queries asked are the latest, whatever passages answer them.
    """

    file: str
    sha256: str
    part: str
    rows_asked: int | None = None
    folds: int = 0
    made_rows: int = 0
    split_by: SplitBy = "passage"

    @property
    def caveat(self) -> str:
        """Whether queries were made, and whether they are the latest; empty where neither is."""
        said = []
        if self.made_rows:
            said.append(
                f"Measured on generated queries: {self.made_rows:,} of {self.rows_asked:,} "
                "pairs asked were made from their passages, and people ask other things."
            )
        if self.split_by == "date":
            said.append(
                "Split by date: the queries asked are later than those trained on, and may be "
                "about the same passages."
            )
        return " ".join(said)


@dataclass(frozen=True)
class EvaluationResults:
    """The results of an evaluation, before any averaging.

    Attributes:
        model: Name of the model under test, as the report shows it.
        base: Name of the model that the others are compared with.
        data: The data file and the part of it that was asked.
        task: Scope and sizes of the task.
        per_query: Result of each query by model; the model under test comes first.
        chose_checkpoint: Whether queries asked also chose the checkpoint; None where unknown.
        probe: The same on the forgetting probe, None where there was none.
        probe_data: The data of the probe.
        speed: Speed of the models, None where it was not measured.
        loads: Whether the folder of the model under test loads and encodes.
        history: The Trainer's log of the run that made the model; None where unknown.
        best_step: Optimizer step of the checkpoint that became the model; None where unknown.
        encodings: Prompts and similarity by model; empty where unknown.
        mixing: What mixtures of the model with its base find; None where there were none.
        dimensions: What both find with shorter embeddings, the longest first; empty where the model
            was trained for one length.
        keeps_passages: Whether the model under test embeds passages as its base does, so that an
            index of them serves both.
        search: The trials among which its settings were chosen; None where there were none.
        known: Ids of the queries with a relevant passage that training knows from other queries.
        negatives: The hard negatives that it was trained on; None where unknown.
    """

    model: str
    base: str
    data: DataDescription
    task: TaskDescription
    per_query: Results
    chose_checkpoint: bool | None = None
    probe: Results | None = None
    probe_data: ProbeData | None = None
    speed: SpeedReport | None = None
    loads: bool | None = None
    history: list[LogEntry] | None = None
    best_step: int | None = None
    encodings: dict[str, Encoding] = field(default_factory=dict)
    mixing: MixingCurve | None = None
    dimensions: list[Dimension] = field(default_factory=list)
    keeps_passages: bool = False
    search: Search | None = None
    known: list[str] = field(default_factory=list)
    negatives: TrainedNegatives | None = None

    @property
    def caveat(self) -> str:
        """What limits the metrics, or whose they are; empty where nothing needs to be said."""
        return " ".join(filter(None, [self._who_was_asked(), self.data.caveat]))

    def _who_was_asked(self) -> str:
        if self.data.folds:
            return (
                f"Cross-validated: each query was asked of one of {self.data.folds} models that "
                "were trained by the same recipe without it and its passages. These metrics judge "
                "the recipe; the model itself was trained on most of these queries."
            )
        if self.data.part == "all" and self.chose_checkpoint:
            return (
                "Every query of the file was asked, those that the model was trained on too: "
                "these metrics say nothing about other queries."
            )
        if self.chose_checkpoint:
            return "The same queries chose the checkpoint: these metrics are optimistically biased."
        return ""

    def facts(self) -> JsonObject:
        """Returns all but the results per query, as `results.json` holds it."""
        content = to_json(replace(self, per_query={}, probe=None))
        return {key: value for key, value in content.items() if key not in ("per_query", "probe")}


def write_results_folder(
    results: EvaluationResults, metrics: Mapping[str, Any], folder: Path
) -> None:
    """Writes the results per query, then the facts, the metrics and the time.

    `evaluate.save` is not used: it runs git in the working directory, which need not be there and
    whose commit need not be that of this code, and notes a path of this machine.

    Args:
        results: The results.
        metrics: What was computed from them, as JSON; `read_results_folder` ignores it.
        folder: An existing folder.
    """
    write_results(results.per_query, folder / PER_QUERY)
    if results.probe:
        write_results(results.probe, folder / PROBE_PER_QUERY)
    content = {FACTS: results.facts(), **metrics, "_timestamp": datetime.now().isoformat()}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    atomic_write_text(folder / RESULTS, text + "\n")


def read_results_folder(folder: Path) -> EvaluationResults:
    """Reads what `write_results_folder` wrote.

    Raises:
        UserError: The folder holds no complete evaluation.
    """
    path = folder / RESULTS
    try:
        facts = load_json(path)[FACTS]
        results = from_json(EvaluationResults, {**facts, "per_query": {}})
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = one_line(error)
        raise UserError(
            f"{path}: cannot be read ({reason}); give the folder of an evaluation"
        ) from error
    probe = read_results(folder / PROBE_PER_QUERY) if results.probe_data else None
    per_query = read_results(folder / PER_QUERY)
    for name in (results.model, results.base):
        if name not in per_query:
            raise UserError(f"{folder / PER_QUERY}: holds no row of {name}; evaluate again")
    return replace(results, per_query=per_query, probe=probe)


def is_results_folder(folder: Path) -> bool:
    """Returns whether a folder holds the results of an evaluation."""
    return FACTS in read_json_object(folder / RESULTS)

"""The results of the held-out queries of a run, with each model and baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.collect import QuerySelection, all_results, score_lexical
from evaluation.dimensions import score_truncated
from evaluation.report.tables import short_names
from evaluation.retrieval.query_results import Results
from evaluation.retrieval.task import RetrievalTask
from nic.models import ModelSource
from pairs.languages import one_language
from training.command.run_arguments import RunArguments
from training.fitting import Fitted
from training.loop.losses import matryoshka_dimensions
from training.run_data import RunData


@dataclass(frozen=True)
class Names:
    """What a report calls the models of a run.

    Attributes:
        model: The trained model.
        base: Its base.
    """

    model: str
    base: str

    @classmethod
    def of(cls, folder: Path, source: ModelSource) -> Names:
        """Returns the short names of the output folder and of the base model."""
        short = short_names([folder.as_posix(), source.name])
        return cls(short[folder.as_posix()], short[source.name])


@dataclass(frozen=True)
class HeldOut:
    """The results of the queries of the final report.

    Attributes:
        task: The queries against all passages of the file.
        selection: Their rows, and whether they chose a checkpoint.
        found: Results by name: of the trained model first, its base, BM25, their fusions, and of
            shorter embeddings.
        dimensions: The lengths of embedding that were trained, the longest first; none for one.
    """

    task: RetrievalTask
    selection: QuerySelection
    found: Results
    dimensions: list[int]


def held_out_results(data: RunData, fitted: Fitted, run: RunArguments, names: Names) -> HeldOut:
    """Returns the results of one model on the queries that its split holds out.

    Args:
        data: The data with its split.
        fitted: The model with its results and those of its base.
        run: Where its language is one, BM25 splits and stems by it.
        names: What the report calls the models.
    """
    part = "test" if data.split.test else "validation"
    found = {names.model: fitted.tuned.final, names.base: fitted.base.final}
    language = one_language(run.language)
    scorers = {names.model: fitted.tuned.scorer, names.base: fitted.base.scorer}
    dimensions = matryoshka_dimensions(fitted.model, vars(run))
    lexical = score_lexical(data.final_task, scorers, language)
    return HeldOut(
        data.final_task,
        QuerySelection(data.split.reported, part, not data.split.test, split=data.split),
        all_results(names.model, names.base, found, lexical)
        | score_truncated(scorers, data.final_task, dimensions),
        dimensions,
    )

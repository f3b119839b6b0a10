"""The folder of an evaluation: results, metrics, plots and the page."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluation.arguments import Export
from evaluation.exports import Rankings, write_exports
from evaluation.report.page import write_page
from evaluation.report.plots import draw_plots
from evaluation.report.texts import Texts
from evaluation.results import (
    PER_QUERY,
    PROBE_PER_QUERY,
    RESULTS,
    is_results_folder,
    write_results_folder,
)
from evaluation.summary import EvaluationSummary
from nic.errors import UserError
from nic.files import replace_folder
from nic.model_files import matches

logger = logging.getLogger(__name__)

PAGE = "report.html"
PLOTS = "plots"
# What an evaluation writes, by its path below the folder.
WRITTEN = (
    *(RESULTS, PER_QUERY, PROBE_PER_QUERY, PAGE, f"{PLOTS}/*.png"),
    *("trec/qrels.txt", "trec/queries.tsv", "trec/run.*.txt"),
    *("beir/corpus.jsonl", "beir/queries.jsonl", "beir/qrels/test.tsv"),
)


def check_output(folder: Path | None, force: bool) -> None:
    """Refuses an output folder that could not be written, before anything is computed.

    Raises:
        UserError: The folder above it is not there or cannot be written to, or it holds an
            evaluation already, without `force`, or what no evaluation wrote.
    """
    if folder is None:
        return
    if not force and not folder.absolute().parent.is_dir():
        raise UserError(f"{folder.parent}: no such folder; create it, or change --output-dir")
    check_folder_beside(folder)
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not is_results_folder(folder)):
        raise UserError(f"{folder}: is there already and holds no evaluation; give another folder")
    if is_results_folder(folder) and not force:
        raise UserError(f"{folder}: holds an evaluation; replace it with --force, or give another")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or matches(name, WRITTEN)):
            raise UserError(
                f"{path}: no evaluation wrote it, and this one would replace the folder; move it, "
                "or give another folder"
            )


def check_name(folder: Path) -> None:
    """Refuses an output folder without a name of its own, which a model and its report get.

    Raises:
        UserError: It has none, or one that would break a line.
    """
    name = folder.name
    if not name.strip() or name == ".." or not name.isprintable():
        raise UserError(
            f"--output-dir {str(folder)!r}: give a folder with a name of printable letters, as "
            "models/mine"
        )


def check_folder_beside(folder: Path) -> None:
    """Refuses a folder beside which none can be made, which is how it is written as a whole.

    Raises:
        UserError: Its parent may not be written to, or its name is too long.
    """
    check_name(folder)
    place = folder.absolute().parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=f"{folder.name}.new-"):
            pass
    except OSError as error:
        raise UserError(
            f"{folder}: no folder can be made in {place} ({error.strerror}); change its "
            "permissions, or give another --output-dir"
        ) from error


def evaluation_folder(model: Path) -> Path:
    """Returns where a run writes its evaluation: beside the model, for its page quotes the data.

    Raises:
        UserError: The folder has no name of its own, or one that would break a line.
    """
    check_name(model)
    return model.with_name(f"{model.name}-evaluation")


def write_report(
    summary: EvaluationSummary,
    folder: Path,
    texts: Texts | None = None,
    rankings: Rankings | None = None,
    exports: Sequence[Export] = (),
) -> None:
    """Writes the folder atomically.

    `report.html` quotes queries and passages: the folder is for those who may read the data.

    Args:
        summary: What to write.
        folder: Folder to write; it replaces an earlier evaluation.
        texts: The texts behind the ids; None leaves the page with ids alone.
        rankings: The scores, for `exports`; None where they are not known.
        exports: Formats of other tools to write as well.
    """
    logger.info("Drawing the report")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.new-") as around:
        staged = Path(around) / folder.name
        staged.mkdir()
        write_results_folder(summary.results, summary.metrics(), staged)
        (staged / PLOTS).mkdir()
        plots = draw_plots(summary, staged / PLOTS)
        write_page(summary, texts, staged / PAGE, plots)
        if rankings:
            write_exports(rankings, exports, staged)
        replace_folder(staged, folder)
    logger.info("Evaluation written to %s", folder.as_posix())
    if texts:
        logger.info("%s quotes the data: do not publish it", (folder / PAGE).as_posix())

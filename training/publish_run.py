"""The model of a run on a hub, where its gates allow it."""

from __future__ import annotations

import logging
from pathlib import Path

from evaluation.gates import require_passed
from evaluation.summary import EvaluationSummary
from model_card.hubs import Published, check_repo_id
from model_card.lines import published_lines
from model_card.push import push
from training.arguments import RunArguments

logger = logging.getLogger(__name__)


def check_publication(run: RunArguments) -> None:
    """Refuse a name that no hub takes, before anything is trained.

    Raises:
        UserError: The name of the repository is not what hubs allow.
    """
    if run.publish_to and run.repo_id:
        check_repo_id(run.repo_id)


def publish_run(folder: Path, assessment: EvaluationSummary, run: RunArguments) -> Published | None:
    """Publish the model of a finished run.

    Args:
        folder: Its output folder.
        assessment: What it amounts to.
        run: Where to, and under which name and version.

    Returns:
        What was published; None where nothing was asked for.

    Raises:
        GatesFailed: A gate failed and no reason is given to publish it all the same.
        UserError: The hub does not take it.
    """
    if not run.publish_to or not run.repo_id or not run.revision_tag:
        return None
    if run.allow_failed_gates is None:
        require_passed(assessment.gates)
    failed = any(not gate.passed for gate in assessment.gates)
    remote = "://" in run.publish_to
    hub = None if remote else Path(run.publish_to)
    published = push(
        folder,
        run.repo_id,
        run.revision_tag,
        local_hub=hub,
        endpoint=run.publish_to if remote else None,
        allow_failed_gates=run.allow_failed_gates if failed else None,
    )
    for line in published_lines(published, hub):
        logger.info("%s", line)
    return published

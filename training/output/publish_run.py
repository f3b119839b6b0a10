"""Publishes the model of a run, if its gates allow it."""

from __future__ import annotations

import logging
from pathlib import Path

from evaluation.gates import require_passed
from evaluation.summary import EvaluationSummary
from model_card.card.training_text import find_training_text, secret_texts
from model_card.commands import Packaging
from model_card.hubs import Published, open_hub
from model_card.lines import published_lines
from model_card.push import publish_model
from nic.errors import UserError
from pairs.loading import Pairs
from training.command.run_arguments import RunArguments

logger = logging.getLogger(__name__)


def check_publication(run: RunArguments) -> None:
    """Refuses before anything is trained what publishing would refuse whatever the model is.

    A resumed run may have published its version already.

    Raises:
        UserError: A name is not one that a hub takes, or nothing can be published under it there.
        IntegrityError: The hub is damaged.
    """
    if run.publish_to and run.repo_id and run.revision_tag:
        hub = open_hub(run.publish_to)
        hub.check_target(run.repo_id, run.revision_tag, may_exist=run.resume)


def publish_run(folder: Path, summary: EvaluationSummary, run: RunArguments) -> Published | None:
    """Publishes the model of a finished run.

    Args:
        folder: Output folder of the run.
        summary: Summary of its evaluation, with its gates.
        run: The hub, and the name and version on it.

    Returns:
        The published version; None if the run is not to be published.

    Raises:
        GatesFailed: A gate failed and no reason is given to publish the model anyway.
        UserError: The hub refuses the model.
    """
    if not run.publish_to or not run.repo_id or not run.revision_tag:
        return None
    if run.allow_failed_gates is None:
        require_passed(summary.gates)
    failed = any(not gate.passed for gate in summary.gates)
    hub = open_hub(run.publish_to)
    packaging = Packaging(allow_failed_gates=run.allow_failed_gates if failed else None)
    published = publish_model(folder, hub, run.repo_id, run.revision_tag, packaging)
    for line in published_lines(published, hub):
        logger.info("%s", line)
    return published


def refuse_quotations(run: RunArguments, folder: Path, pairs: Pairs) -> None:
    """Refuses names and prompts that the card would show, and that are sentences of the data.

    Raises:
        UserError: It names the flag.
    """
    texts = secret_texts(pairs)
    shown = {**run.named(), "--data-file": pairs.path.name, "--output-dir": folder.name}
    for flag, given in shown.items():
        if given and find_training_text(given, texts):
            raise UserError(
                f"{flag} {given}: is a sentence of the training data, and the card would quote it; "
                "give another"
            )

r"""Package a trained model, publish it, and verify what was published.

    python model_card/publish.py push --model models/nic-embeddings-v1.0 \
        --repo-id org/nic-embeddings-v1.0 --revision-tag v1.0 --local-hub hub

Without a hub, just the folder that would be published:

    python model_card/publish.py package --model models/nic-embeddings-v1.0 --output dist
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from model_card.arguments import parse_arguments
from model_card.commands import (
    Export,
    Import,
    ListVersions,
    Package,
    Promote,
    Push,
    RepairHub,
    Rollback,
    Verify,
)
from model_card.hubs import IntegrityError, open_local_hub, select_hub
from nic.command_line import say
from nic.errors import one_line_errors


@one_line_errors
def main() -> None:
    """Runs the command on the command line and prints its result."""
    command = parse_arguments()
    say(COMMANDS[type(command)](command))


def run_package(command: Package) -> list[str]:
    """Writes the folder that would be published."""
    from model_card.lines import packaged_lines
    from model_card.push import package_model

    quiet_libraries()
    return packaged_lines(package_model(command.model, command.output, command.packaging))


def run_push(command: Push) -> list[str]:
    """Publishes a model under a tag."""
    hub = select_hub(command.local_hub, command.endpoint, copy=command.copy, public=command.public)
    from model_card.lines import published_lines
    from model_card.push import publish_model

    quiet_libraries()
    published = publish_model(
        command.model, hub, command.repo_id, command.revision_tag, command.packaging
    )
    return published_lines(published, hub)


def run_verify(command: Verify) -> list[str]:
    """Verifies a folder or a version on a hub."""
    from model_card.lines import verified_lines
    from model_card.push import verify_model

    quiet_libraries()
    named = command.local_hub or command.endpoint
    hub = select_hub(command.local_hub, command.endpoint) if named else None
    found = verify_model(command.target, hub, command.revision, command.public_key)
    return verified_lines(command.target, found)


def run_list(command: ListVersions) -> list[str]:
    """Shows the versions in a local hub."""
    from model_card.lines import version_lines

    hub = open_local_hub(command.local_hub, "list")
    versions = hub.versions()
    try:
        hub.refuse_damage()
    except IntegrityError:
        # What is there is shown all the same.
        say(version_lines(versions))
        raise
    return version_lines(versions)


def run_promote(command: Promote) -> list[str]:
    """Lets main name another version."""
    open_local_hub(command.local_hub, "promote").promote(command.repo_id, command.tag)
    return [f"{command.repo_id}: main is {command.tag} now"]


def run_rollback(command: Rollback) -> list[str]:
    """Takes back the last move of main."""
    main_is = open_local_hub(command.local_hub, "rollback").rollback(command.repo_id)
    return [f"{command.repo_id}: main is {main_is} again"]


def run_repair(command: RepairHub) -> list[str]:
    """Mends the damaged state of a local hub."""
    repaired = open_local_hub(command.local_hub, "repair").repair()
    if repaired.left:
        say([*repaired.done, *repaired.left[:-1]])
        raise IntegrityError(repaired.left[-1])
    return repaired.done or [f"{command.local_hub}: nothing is damaged"]


def run_export(command: Export) -> list[str]:
    """Writes a version to an archive."""
    hub = open_local_hub(command.local_hub, "export")
    hub.export_version(command.repo_id, command.tag, command.archive)
    return [f"Exported {command.repo_id} {command.tag} to {command.archive}"]


def run_import(command: Import) -> list[str]:
    """Publishes an archive in another local hub."""
    from model_card.lines import published_lines

    hub = open_local_hub(command.local_hub, "import", copy=command.copy)
    return published_lines(hub.import_archive(command.archive), hub)


def quiet_libraries() -> None:
    """Turns off progress bars; imported late, as the other commands need no model."""
    from nic import logs

    logs.quiet_libraries()


COMMANDS: dict[type, Callable[[Any], list[str]]] = {
    Package: run_package,
    Push: run_push,
    Verify: run_verify,
    ListVersions: run_list,
    Promote: run_promote,
    Rollback: run_rollback,
    RepairHub: run_repair,
    Export: run_export,
    Import: run_import,
}

if __name__ == "__main__":
    sys.exit(main())

r"""Package a trained model, publish it, and verify what was published.

    python model_card/publish.py push --model models/nic-embeddings-v1.0 \
        --repo-id org/nic-embeddings-v1.0 --revision-tag v1.0 --local-hub hub

Without a hub, just the folder that would be published:

    python model_card/publish.py package --model models/nic-embeddings-v1.0 --output dist
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from model_card.arguments import parse_arguments
from model_card.lines import (
    packaged_lines,
    published_lines,
    verified_lines,
    version_lines,
)
from nic.command_line import say
from nic.errors import one_line_errors


@one_line_errors
def main() -> None:
    """Do what the command line says and show what was done."""
    arguments = parse_arguments()
    say(COMMANDS[arguments.command](arguments))


def run_package(arguments: argparse.Namespace) -> list[str]:
    """Write the folder that would be published."""
    from model_card.package.build import stage_model

    quiet_libraries()
    return packaged_lines(
        stage_model(arguments.model, arguments.output, **packaging(arguments)),
    )


def run_push(arguments: argparse.Namespace) -> list[str]:
    """Publish a model under a tag."""
    from model_card.push import push

    quiet_libraries()
    published = push(
        arguments.model,
        arguments.repo_id,
        arguments.revision_tag,
        local_hub=arguments.local_hub,
        endpoint=arguments.endpoint,
        copy=arguments.copy,
        public=arguments.public,
        **packaging(arguments),
    )
    return published_lines(published, arguments.local_hub)


def quiet_libraries() -> None:
    """No progress bars in a file; imported late, as the other commands need no model."""
    from nic import logs

    logs.quiet_libraries()


def packaging(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `stage_model` that both commands have."""
    names = ("allow_failed_gates", "sign_key", "data_file")
    given = {name: getattr(arguments, name) for name in names}
    asked = {"fp32": arguments.onnx, "int8": arguments.int8}
    if variants := [name for name, wanted in asked.items() if wanted]:
        from model_card.export.add_variants import variant_adder

        given["add_files"] = variant_adder(
            arguments.model, arguments.data_file, variants, arguments.allow_loss
        )
    return given


def run_verify(arguments: argparse.Namespace) -> list[str]:
    """Check a folder or a version on a hub."""
    from model_card.push import verify

    quiet_libraries()
    found = verify(
        arguments.target,
        arguments.local_hub,
        arguments.endpoint,
        arguments.revision,
        arguments.public_key,
    )
    return verified_lines(arguments.target, found)


def run_list(arguments: argparse.Namespace) -> list[str]:
    """Show the versions in a local hub."""
    from model_card.local_hub.versions import list_versions

    return version_lines(list_versions(arguments.local_hub))


def run_promote(arguments: argparse.Namespace) -> list[str]:
    """Make a version the one that loads by default."""
    from model_card.local_hub.versions import promote

    promote(arguments.local_hub, arguments.repo_id, arguments.tag)
    return [f"{arguments.repo_id}: main is {arguments.tag} now"]


def run_rollback(arguments: argparse.Namespace) -> list[str]:
    """Take the last promotion back."""
    from model_card.local_hub.versions import rollback

    main_is = rollback(arguments.local_hub, arguments.repo_id)
    return [f"{arguments.repo_id}: main is {main_is} again"]


def run_export(arguments: argparse.Namespace) -> list[str]:
    """Write a version into an archive."""
    from model_card.local_hub.versions import export_version

    export_version(arguments.local_hub, arguments.repo_id, arguments.tag, arguments.archive)
    return [f"Exported {arguments.repo_id} {arguments.tag} to {arguments.archive}"]


def run_import(arguments: argparse.Namespace) -> list[str]:
    """Publish an archive in another local hub."""
    from model_card.local_hub.versions import import_archive

    published = import_archive(arguments.archive, arguments.local_hub, copy=arguments.copy)
    return published_lines(published, arguments.local_hub)


COMMANDS = {
    "package": run_package,
    "push": run_push,
    "verify": run_verify,
    "list": run_list,
    "promote": run_promote,
    "rollback": run_rollback,
    "export": run_export,
    "import": run_import,
}

if __name__ == "__main__":
    sys.exit(main())

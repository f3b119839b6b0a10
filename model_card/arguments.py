"""The command line of `nic-publish`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.commands import (
    Command,
    Export,
    Import,
    ListVersions,
    Package,
    Packaging,
    Promote,
    Push,
    RepairHub,
    Rollback,
    Verify,
)
from model_card.names import MAIN, check_repo_id
from model_card.package.signing import MAKE_KEY, MAKE_PUBLIC_KEY
from nic.command_line import OneLineParser

EXIT_CODES = {4: "a file or an embedding differs from what was published"}
KEYS = f"Keys to sign with: {MAKE_KEY}; {MAKE_PUBLIC_KEY}"
Given = TypeVar("Given")


def parse_arguments(argv: Sequence[str] | None = None) -> Command:
    """Returns the command on the command line.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    parser = OneLineParser(
        prog="nic-publish",
        description="Package, publish and verify models.",
        exit_codes=EXIT_CODES,
    )
    subparsers = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    for name, entry in COMMANDS.items():
        entry.add_flags(subparsers.add_parser(name, help=entry.help, epilog=entry.epilog))
    given = vars(parser.parse_args(argv))
    if given.get("repo_id"):
        check_repo_id(given["repo_id"])
    kind = COMMANDS[given["name"]].kind
    command: Command = _fill(kind, {**given, "packaging": _fill(Packaging, given)})
    return command


def _fill(kind: Callable[..., Given], given: Mapping[str, Any]) -> Given:
    """Returns a dataclass from those of the given values that it has fields for."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: given[name] for name in names if name in given})


def _package(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    _packaging(parser)


def _push(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    _repo_id(parser)
    parser.add_argument("--revision-tag", required=True, help='name of the version, as "v1.0"')
    _either_hub(parser)
    parser.add_argument("--copy", action="store_true", help="local hub: copies, no symbolic links")
    parser.add_argument("--public", action="store_true", help="endpoint: a public repository")
    _packaging(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="PATH_OR_REPO", help="folder, or organisation/name")
    _either_hub(parser)
    parser.add_argument("--revision", default=MAIN, help="tag or commit of a repository")
    parser.add_argument("--public-key", type=Path, metavar="PEM", help="key that must have signed")


def _promote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tag", metavar="TAG", help="version to promote")
    _rollback(parser)


def _rollback(parser: argparse.ArgumentParser) -> None:
    _repo_id(parser)
    _local_hub(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tag", metavar="TAG", help="version to export")
    _rollback(parser)
    parser.add_argument("--archive", type=Path, required=True, help="zip file to write")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--archive", type=Path, required=True, help="zip file to read")
    _local_hub(parser)
    parser.add_argument("--copy", action="store_true", help="copies, no symbolic links")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="output folder of a training")


def _repo_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo-id", required=True, help="organisation/name")


def _local_hub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--local-hub", required=True, metavar="DIR", help="folder of the hub")


def _either_hub(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--local-hub", metavar="DIR", help="folder of the hub")
    group.add_argument("--endpoint", metavar="URL", help="URL of the hub; default: HF_ENDPOINT")


def _packaging(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--allow-failed-gates", metavar="REASON", help="package it although its gates failed")
    add("--license", help='licence for card and metadata, such as "apache-2.0"')
    add("--language", help='languages for card and metadata, such as "en" or "en,de"')
    add("--sign-key", type=Path, metavar="PEM", help="Ed25519 private key to sign with")
    add(
        "--data-file",
        nargs="+",
        metavar="FILE",
        help="training data: for an edited card, --onnx and --int8",
    )
    add("--onnx", action="store_true", help="add an ONNX file in full precision (extra onnx)")
    add("--int8", action="store_true", help="add an ONNX file in int8, small and fast (extra onnx)")
    add(
        "--allow-loss",
        action="store_true",
        help=f"add it though it loses over 0.01 {PRIMARY.title}",
    )


class CommandEntry(NamedTuple):
    """A command of `nic-publish`.

    Attributes:
        kind: Its dataclass.
        help: Its help text.
        add_flags: Adds its flags to a parser.
        epilog: The text below its flags.
    """

    kind: type[Any]
    help: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    epilog: str | None = None


COMMANDS = {
    "package": CommandEntry(Package, "make a folder to publish", _package, KEYS),
    "push": CommandEntry(Push, "publish a model under a tag", _push, KEYS),
    "verify": CommandEntry(Verify, "check a published model, file by file", _verify),
    "list": CommandEntry(ListVersions, "show the versions in a local hub", _local_hub),
    "promote": CommandEntry(Promote, "make a version the one that loads by default", _promote),
    "rollback": CommandEntry(Rollback, "take the last promotion back", _rollback),
    "repair": CommandEntry(RepairHub, "mend the damaged state of a local hub", _local_hub),
    "export": CommandEntry(Export, "write a version to an archive", _export),
    "import": CommandEntry(Import, "publish an archive in another local hub", _import),
}

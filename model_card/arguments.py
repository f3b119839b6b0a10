"""The command line of `nic-publish`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.hubs import MAIN, check_repo_id
from model_card.package.signing import MAKE_KEY, MAKE_PUBLIC_KEY
from nic.command_line import OneLineParser
from nic.errors import UserError

EPILOG = f"Keys to sign with: {MAKE_KEY}; {MAKE_PUBLIC_KEY}"
EXIT_CODES = "Exit code: 0 fine, 2 refused, 4 a model's files are not those that were published."


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    parser = OneLineParser(
        prog="nic-publish", description="Package, publish and verify models.", epilog=EXIT_CODES
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _package(commands.add_parser("package", help="make a folder to publish", epilog=EPILOG))
    _push(commands.add_parser("push", help="publish a model under a tag", epilog=EPILOG))
    _verify(commands.add_parser("verify", help="check a published model, file by file"))
    _list(commands.add_parser("list", help="show the versions in a local hub"))
    _promote(commands.add_parser("promote", help="make a version the one that loads by default"))
    _rollback(commands.add_parser("rollback", help="take the last promotion back"))
    _export(commands.add_parser("export", help="write a version into an archive"))
    _import(commands.add_parser("import", help="publish an archive in another local hub"))
    arguments = parser.parse_args(argv)
    if getattr(arguments, "repo_id", None):
        check_repo_id(arguments.repo_id)
    return arguments


def check_hub(
    local_hub: Path | None, endpoint: str | None, question: str = "which hub? Give"
) -> None:
    """Ask for one hub.

    Args:
        local_hub: Folder of a local hub.
        endpoint: URL of a private one; HF_ENDPOINT stands in for it.
        question: How the error begins.

    Raises:
        UserError: Neither a local hub nor an endpoint is given.
    """
    if not local_hub and not endpoint and not os.environ.get("HF_ENDPOINT"):
        raise UserError(
            f"{question} --local-hub DIR, or --endpoint URL (or HF_ENDPOINT in the environment)"
        )


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


def _list(parser: argparse.ArgumentParser) -> None:
    _local_hub(parser)


def _promote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tag", metavar="TAG", help="version to promote")
    _repo_id(parser)
    _local_hub(parser)


def _rollback(parser: argparse.ArgumentParser) -> None:
    _repo_id(parser)
    _local_hub(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tag", metavar="TAG", help="version to export")
    _repo_id(parser)
    _local_hub(parser)
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
    parser.add_argument("--local-hub", type=Path, required=True, help="folder of the hub")


def _either_hub(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--local-hub", type=Path, help="folder of the hub")
    group.add_argument("--endpoint", help="URL of the hub; default: HF_ENDPOINT")


def _packaging(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--allow-failed-gates", metavar="REASON", help="package it although its gates failed")
    add("--sign-key", type=Path, metavar="PEM", help="Ed25519 private key to sign with")
    add("--data-file", type=Path, help="the training data: for a changed card, --onnx and --int8")
    add("--onnx", action="store_true", help="add an ONNX file in full precision (extra onnx)")
    add("--int8", action="store_true", help="add an ONNX file in int8, small and fast (extra onnx)")
    add(
        "--allow-loss",
        action="store_true",
        help=f"add it though it loses over 0.01 {PRIMARY.title}",
    )

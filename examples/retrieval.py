"""Search passages by meaning, compare two models, and swap the model under an index.

    python examples/retrieval.py index --model models/nic-embeddings-v1.0 --index tuned
    python examples/retrieval.py query --index tuned "the mast sinks under load"

In seconds, and without a trained model:

    python examples/retrieval.py index --model sentence-transformers/all-MiniLM-L6-v2 --index base
    python examples/retrieval.py compare --base base --tuned tuned "the mast sinks under load"
    python examples/retrieval.py swap --index base --model org/nic-embeddings-v1.0 --revision v1.0
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from vector_index import Hit, find_table, open_index, open_model, write_index

from nic.command_line import OneLineParser
from nic.errors import Interrupted, UserError, one_line_errors
from nic.signals import signal_of
from pairs.columns import find_problem, is_encodable, texts_of
from pairs.readers import DEFAULT_FILE, Record, read_records

# How far down the first model's ranking `compare` looks for what the second one found.
RANKED = 100


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    parser = OneLineParser(prog="retrieval.py", description="Search passages by meaning.")
    commands = parser.add_subparsers(dest="command", required=True)

    add = commands.add_parser("index", help="embed the passages of a file").add_argument
    add("--index", type=Path, required=True, help="folder to write the index to")
    add("--model", required=True, help="folder, or name of a repository")
    add("--revision", help="branch, tag or commit of the repository")
    add(
        "--data-file",
        type=Path,
        default=Path(DEFAULT_FILE),
        help='file of pairs, or of {"text": ...} lines',
    )

    add = commands.add_parser("query", help="find the nearest passages").add_argument
    add("text", help="query")
    add("--index", type=Path, required=True, help="folder of the index")
    add("--k", type=int, default=5, help="number of passages to show")
    add("--bm25", action="store_true", help="rank by the model and by BM25 together")
    add("--model", help="model of the index, where it has moved; default: its old place")
    add("--revision", help="branch, tag or commit of --model")

    add = commands.add_parser("compare", help="search two indexes, side by side").add_argument
    add("text", help="query")
    add("--base", type=Path, required=True, help="folder of the first index")
    add("--tuned", type=Path, required=True, help="folder of the second index")
    add("--k", type=int, default=5, help="number of passages to show")

    add = commands.add_parser(
        "swap", help="embed all passages again with another model"
    ).add_argument
    add("--index", type=Path, required=True, help="folder of the index")
    add("--model", required=True, help="the new model: folder, or name of a repository")
    add("--revision", help="branch, tag or commit of the repository")
    return checked(parser.parse_args(argv))


def checked(arguments: argparse.Namespace) -> argparse.Namespace:
    """Refuses values that the parser accepts and the commands cannot use."""
    if "k" in arguments and arguments.k < 1:
        raise UserError(f"--k {arguments.k}: must be 1 or more")
    if "text" in arguments and not arguments.text.strip():
        raise UserError("the text to look for is empty")
    if arguments.command == "query" and arguments.revision and not arguments.model:
        raise UserError("--revision says nothing without --model")
    return arguments


@one_line_errors
def main() -> None:
    """Runs the command."""
    arguments = vars(parse_arguments())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        print("\n".join(COMMANDS[arguments.pop("command")](**arguments)))
    except KeyboardInterrupt as error:
        message = "interrupted: an index changes as a whole or not at all, so it is good as it is"
        raise Interrupted(message, signal_of(error)) from error


def build(index: Path, model: str, revision: str | None, data_file: Path) -> list[str]:
    """Indexes the passages of a file; replaces an index of the same model, refuses any other."""
    texts = read_passages(data_file)
    encoder, identity = open_model(model, revision)
    if find_table(index):
        open_index(index).refuse_other(identity)
    write_index(index, identity, encoder, texts)
    return [f"{index}: {count(texts)}, embedded by {identity}"]


def swap(index: Path, model: str, revision: str | None) -> list[str]:
    """Embeds all passages of an index with another model; the new vectors replace the old ones."""
    before = open_index(index)
    encoder, identity = open_model(model, revision)
    texts = before.texts()
    write_index(index, identity, encoder, texts)
    return [f"{index}: {count(texts)}, embedded by {identity}, before by {before.model}"]


def query(
    index: Path, text: str, k: int, model: str | None, revision: str | None, bm25: bool = False
) -> list[str]:
    """Returns the nearest passages, each with its similarity to the query or its fused score."""
    hits = (ask_both if bm25 else ask)(index, text, k, model, revision)
    return [f"{n:>2}  {hit.score:.3f}  {wrap(hit.text)}" for n, hit in enumerate(hits, 1)]


def compare(base: Path, tuned: Path, text: str, k: int) -> list[str]:
    """Returns the passages that two models find, side by side.

    Each passage of the second model is shown with its rank in the first.

    Raises:
        UserError: The indexes hold different passages, so their models cannot be compared.
    """
    first, second = open_index(base), open_index(tuned)
    if set(first.texts()) != set(second.texts()):
        raise UserError(f"{base} and {tuned} hold different passages; index one file in both")
    left, right = ask(base, text, max(k, RANKED)), ask(tuned, text, k)
    ranks = {hit.text: f"was {n}" for n, hit in enumerate(left, 1)}
    width = (shutil.get_terminal_size((100, 24)).columns - 30) // 2
    lines = [f"    {first.model.name:<{width + 6}}  {second.model.name}"]
    for n, (old, new) in enumerate(zip(left, right, strict=False), 1):
        moved = ranks.get(new.text, f"was >{RANKED}")
        lines.append(
            f"{n:>2}  {old.score:.3f} {cut(old.text, width):<{width}}  "
            f"{new.score:.3f} {moved:<8} {cut(new.text, width)}"
        )
    return lines


def ask(
    index: Path, text: str, k: int, model: str | None = None, revision: str | None = None
) -> list[Hit]:
    """Searches an index with the model that made it, loaded from where it was or from `model`.

    Raises:
        UserError: There is no index, or the model found is not the one that made its vectors.
    """
    opened = open_index(index)
    known = (opened.model.location, opened.model.revision)
    encoder, identity = open_model(model, revision) if model else open_model(*known)
    return opened.search(text, k, encoder, identity)


def ask_both(
    index: Path, text: str, k: int, model: str | None = None, revision: str | None = None
) -> list[Hit]:
    """Searches an index with its model and with BM25, and fuses their rankings.

    The terms of BM25 are made anew for each query; a program that serves many keeps them.
    """
    import numpy as np
    import torch

    from evaluation.retrieval.baselines import BM25Scorer, fuse

    texts = open_index(index).texts()
    ranked = ask(index, text, len(texts), model, revision)
    found = [hit.text for hit in ranked]
    lexical = BM25Scorer.of_texts(found, [text])
    of_bm25 = lexical.scores(np.array([0]), np.arange(len(found)))
    fused = fuse(torch.tensor([[hit.score for hit in ranked]]), of_bm25)[0]
    best = fused.argsort(descending=True, stable=True)[:k].tolist()
    return [Hit(found[n], float(fused[n])) for n in best]


def read_passages(path: Path) -> list[str]:
    """Reads the different passages of a file of pairs or of {"text": ...} lines, in its order.

    Raises:
        UserError: A line is neither, or there is none.
    """
    texts: dict[str, None] = {}
    for record in read_records(path):
        found, problem = passages_of(record)
        if problem:
            raise UserError(f'{record.place}: no {{"text": ...}} line, nor a pair: {problem}')
        texts |= dict.fromkeys(found)
    if not texts:
        raise UserError(f"{path}: holds no passages; give a file of pairs or of text lines")
    return list(texts)


def passages_of(record: Record) -> tuple[list[str], str]:
    """Returns the passages of one row and an empty string, or none and what is wrong."""
    problem = record.problem or find_problem(record.row)
    if not problem:
        _, positive, negatives = texts_of(record.row)
        return [positive, *negatives], ""
    text = record.row.get("text")
    if isinstance(text, str) and text.strip() and is_encodable(text):
        return [text.strip()], ""
    return [], problem


def count(texts: Sequence[str]) -> str:
    """Returns the number of passages with its noun."""
    return f"{len(texts):,} passage{'s' if len(texts) != 1 else ''}"


def wrap(text: str) -> str:
    """Wraps a text; further lines are indented below the first."""
    indent = " " * 11
    return textwrap.fill(text, 100, initial_indent=indent, subsequent_indent=indent).lstrip()


def cut(text: str, width: int) -> str:
    """Shortens a text to one line."""
    return textwrap.shorten(text, max(width, 20), placeholder=" ...")


COMMANDS: dict[str, Callable[..., list[str]]] = {
    "index": build,
    "query": query,
    "compare": compare,
    "swap": swap,
}

if __name__ == "__main__":
    sys.exit(main())

"""What `nic-pairs make` made, as counts: for the console and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from manuals.made_pairs import MadePair
from manuals.pieces import ManualPassages
from manuals.work_orders import WorkOrder, WorkOrders
from nic.files import atomic_write_text
from pairs.column_names import printable

REASONS = {
    "too_short": "fewer than 5 content words",
    "near_duplicate": "near-duplicates of an earlier passage",
    "contents_table": "tables of contents",
    "mostly_digits": "mostly digits",
    "extraction_debris": "debris of text extraction",
    "no_content_words": "without content words",
    "longer_than_40_words": "of more than 40 words",
    "is_the_passage": "that are the whole passage",
    "repeated": "that stand there already",
    "more_than_3_passages": "that lead to more than 3 passages",
    "not_found": "whose passage BM25 and the base model do not find among the first",
    "no_usable_answer": "passages about which the language model gave no usable answer",
    "no text": "without a text",
    "no reference": "without a reference",
    "reference fits no passage": "whose reference fits no passage",
}


@dataclass(frozen=True)
class DocumentCounts:
    """What came of a document.

    Attributes:
        document: Its path in the folder.
        domain: The domain of its pairs.
        pages: Number of pages; None where its format has none.
        pages_without_text: Those that hold a picture at most.
        passages: Number of its passages.
        pairs: Number of pairs that lead to them.
    """

    document: str
    domain: str
    pages: int | None
    pages_without_text: int
    passages: int
    pairs: int


@dataclass(frozen=True)
class MakeReport:
    """What was made of a folder of manuals.

    Attributes:
        output: The file of pairs.
        pairs: Number of pairs.
        passages: Number of passages.
        passages_asked: Number of passages that a pair leads to.
        documents: Counts of each document.
        origins: Number of pairs by what made them.
        passages_left_out: Number of passages left out, by the reason.
        queries_left_out: Number of queries left out, by the reason.
        unreadable: Why a document could not be read, by its name.
        other_files: Number of files that are no documents, by their suffix.
        work_orders: Number of work orders with a passage.
        orders_left_out: Number of the others, by the reason.
    """

    output: str
    pairs: int
    passages: int
    passages_asked: int
    documents: list[DocumentCounts]
    origins: dict[str, int]
    passages_left_out: dict[str, int]
    queries_left_out: dict[str, int]
    unreadable: dict[str, str]
    other_files: dict[str, int]
    work_orders: int = 0
    orders_left_out: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes the report as JSON; it quotes no text of a manual."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        atomic_write_text(path, text + "\n")


def build_report(
    output: Path,
    found: ManualPassages,
    pairs: Sequence[MadePair],
    left_out: Counter[str],
    orders: WorkOrders | None = None,
) -> MakeReport:
    """Counts what was made.

    Args:
        output: The file of pairs.
        found: The passages.
        pairs: The pairs.
        left_out: Number of queries left out, by the reason.
        orders: What was read of a file of work orders.
    """
    every: list[MadePair | WorkOrder] = [*pairs, *(orders.pairs if orders else [])]
    by_document = Counter(pair.passage.document for pair in every)
    documents = [
        DocumentCounts(
            read.name,
            read.domain,
            read.pages,
            read.pages_without_text,
            len(read.pieces),
            by_document[read.name],
        )
        for read in found.documents
    ]
    return MakeReport(
        output=str(output),
        pairs=len(every),
        passages=len(found.passages),
        passages_asked=len({pair.passage.text for pair in every}),
        documents=documents,
        origins=dict(Counter(pair.origin for pair in every)),
        passages_left_out=_positive(found.left_out),
        queries_left_out=_positive(left_out),
        unreadable=found.files.unreadable,
        other_files=found.files.other_files,
        work_orders=orders.orders if orders else 0,
        orders_left_out=orders.left_out if orders else {},
    )


def console_lines(report: MakeReport) -> list[str]:
    """Returns the report, one string per line."""
    lines = [
        f"{report.output}: {report.pairs:,} pairs for {report.passages_asked:,} of "
        f"{report.passages:,} passages from {len(report.documents):,} documents",
        "",
        *_table("document", ["pages", "passages", "pairs"], list(map(_row, report.documents))),
        "",
        *_table("queries from", ["pairs"], [(o, [f"{n:,}"]) for o, n in report.origins.items()]),
    ]
    lines += _reasons("Passages left out", report.passages_left_out)
    lines += _reasons("Queries left out", report.queries_left_out)
    lines += _reasons(f"Work orders left out, {report.work_orders:,} read", report.orders_left_out)
    if report.unreadable:
        lines += ["", "Not read"]
        lines += [f"        {name}: {why}" for name, why in report.unreadable.items()]
    if report.other_files:
        told = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in _by_count(report))
        lines += ["", f"Other files, passed over: {told}"]
    return lines


def _row(counts: DocumentCounts) -> tuple[str, list[str]]:
    pages = "-" if counts.pages is None else f"{counts.pages:,}"
    return counts.document, [pages, f"{counts.passages:,}", f"{counts.pairs:,}"]


def _table(title: str, columns: list[str], rows: list[tuple[str, list[str]]]) -> list[str]:
    width = max(len(name) for name in [title, *(name for name, _ in rows)])
    return [
        f"        {printable(name):{width}s}" + "".join(f"{cell:>10s}" for cell in cells)
        for name, cells in [(title, columns), *rows]
    ]


def _reasons(title: str, counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    return ["", title, *(f"        {n:,} {REASONS[reason]}" for reason, n in counts.items())]


def _by_count(report: MakeReport) -> list[tuple[str, int]]:
    return Counter(report.other_files).most_common()


def _positive(counts: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in counts.most_common() if count}

"""Write the default data set from the manuals: `python data/make_pairs.py`.

Each `data/manuals/DOMAIN.yaml` holds the passages of one fictitious machine, the queries that
each of them answers and the shop-floor words that the queries use. The same manuals always give
the same file, byte for byte. `--check` writes nothing and fails when the committed file differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
MANUALS = HERE / "manuals"
PAIRS = HERE / "finetuning" / "training_pairs.jsonl"

WORDS_OF_A_PASSAGE = (50, 130)
QUERIES_OF_A_PASSAGE = (3, 6)
PASSAGES_THAT_A_TERM_RECURS_IN = 4
OPENING_WORDS = 4
QUERIES_OF_AN_OPENING = 3


@dataclass(frozen=True)
class Passage:
    """One passage of a manual with the queries that it answers.

    Attributes:
        id: Unique within the manual.
        section: Heading under which the passage stands in the manual.
        text: The passage, 50 to 130 words.
        queries: 3 to 6 queries that this passage answers and no other.
        confusable: Ids of passages of the same manual that look right and are wrong.
    """

    id: str
    section: str
    text: str
    queries: list[str]
    confusable: list[str]


@dataclass(frozen=True)
class Manual:
    """The manual of one domain.

    Attributes:
        domain: Name of the domain.
        machine: The fictitious machine that all figures belong to.
        glossary: Shop-floor term, as the queries use it, and what the manual calls it.
        passages: The passages in the order of the manual.
    """

    domain: str
    machine: str
    glossary: dict[str, str]
    passages: list[Passage]


def read_manual(path: Path) -> Manual:
    """Read one manual; texts are put on one line."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    passages = [
        Passage(
            id=item["id"],
            section=item["section"],
            text=" ".join(item["text"].split()),
            queries=[" ".join(str(query).split()) for query in item["queries"]],
            confusable=list(item["confusable"]),
        )
        for item in raw["passages"]
    ]
    glossary = {str(term): meaning for term, meaning in raw["glossary"].items()}
    return Manual(raw["domain"], raw["machine"], glossary, passages)


def find_faults(manual: Manual) -> list[str]:
    """Say what in a manual breaks the rules of the data set; empty where all is well."""
    faults = []
    ids = Counter(passage.id for passage in manual.passages)
    faults += [f"id {id_} stands {count} times" for id_, count in ids.items() if count > 1]
    queries = Counter(query.lower() for passage in manual.passages for query in passage.queries)
    faults += [f"query {query!r} stands {n} times" for query, n in queries.items() if n > 1]
    for passage in manual.passages:
        faults += [f"{passage.id}: {fault}" for fault in find_passage_faults(passage, set(ids))]
    for term in manual.glossary:
        faults += [f"term {term!r}: {fault}" for fault in find_term_faults(term, manual.passages)]
    return faults


def find_passage_faults(passage: Passage, ids: set[str]) -> list[str]:
    """Check one passage's length, its queries' number and its references."""
    faults = []
    words = len(passage.text.split())
    low, high = WORDS_OF_A_PASSAGE
    if not low <= words <= high:
        faults.append(f"{words} words, not {low} to {high}")
    low, high = QUERIES_OF_A_PASSAGE
    if not low <= len(passage.queries) <= high:
        faults.append(f"{len(passage.queries)} queries, not {low} to {high}")
    if not passage.confusable:
        faults.append("names no confusable passage")
    unknown = [id_ for id_ in passage.confusable if id_ not in ids or id_ == passage.id]
    faults += [f"confusable {id_!r} is no other passage of this manual" for id_ in unknown]
    return faults


def find_term_faults(term: str, passages: list[Passage]) -> list[str]:
    """Check that queries use a shop-floor term over several passages, and passages never do."""
    pattern = re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
    faults = [f"stands in the passage {p.id}" for p in passages if pattern.search(p.text)]
    used = sum(any(pattern.search(query) for query in p.queries) for p in passages)
    if used < PASSAGES_THAT_A_TERM_RECURS_IN:
        faults.append(f"in queries of {used} passages, not {PASSAGES_THAT_A_TERM_RECURS_IN}")
    return faults


def find_worn_openings(manuals: list[Manual]) -> list[str]:
    """Check that no four words begin more than three queries of the whole set."""
    openings = Counter(
        " ".join(query.lower().split()[:OPENING_WORDS])
        for manual in manuals
        for passage in manual.passages
        for query in passage.queries
    )
    return [
        f"{count} queries begin with {opening!r}, not {QUERIES_OF_AN_OPENING} or fewer"
        for opening, count in openings.items()
        if count > QUERIES_OF_AN_OPENING
    ]


def make_rows(manual: Manual) -> list[dict[str, Any]]:
    """One row a query; the confusable passages take turns as the negative."""
    texts = {passage.id: passage.text for passage in manual.passages}
    return [
        {
            "query": query,
            "positive": passage.text,
            "negative": texts[passage.confusable[number % len(passage.confusable)]],
            "domain": manual.domain,
            "source_section": passage.section,
            "synthetic": True,
            "hard_negative": True,
        }
        for passage in manual.passages
        for number, query in enumerate(passage.queries)
    ]


def make_jsonl(paths: list[Path]) -> str:
    """The whole file's text, manuals in the order of their names.

    Raises:
        SystemExit: A manual breaks the rules; each fault is named.
    """
    manuals = [read_manual(path) for path in sorted(paths)]
    faults = [f"{manual.domain}: {fault}" for manual in manuals for fault in find_faults(manual)]
    faults += find_worn_openings(manuals)
    if faults:
        raise SystemExit("\n".join([*faults, f"{len(faults)} faults, nothing written"]))
    rows = [row for manual in manuals for row in make_rows(manual)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if it differs")
    arguments = parser.parse_args()
    text = make_jsonl(list(MANUALS.glob("*.yaml")))
    if not arguments.check:
        PAIRS.write_text(text, encoding="utf-8", newline="\n")
    elif PAIRS.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{PAIRS} is not what the manuals give: run `python data/make_pairs.py`")
    sys.stdout.write(f"{PAIRS.name}: {text.count(chr(10))} pairs\n")


if __name__ == "__main__":
    main()

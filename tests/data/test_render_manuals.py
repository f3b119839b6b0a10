import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import train_tiny

from evaluation.arguments import parse_arguments
from evaluation.pipeline import evaluate_models
from manuals.arguments import MakeArguments
from manuals.documents.blocks import Document, Heading, Items, Text, text_of
from manuals.documents.reading import LeftOut, read_documents
from manuals.pipeline import make_pairs

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "data")]

from make_pairs import MANUALS, read_manual  # noqa: E402
from render_manuals import render  # noqa: E402


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the rendered manuals."""
    folder = tmp_path_factory.mktemp("rendered")
    render(folder)
    return folder


@pytest.fixture(scope="module")
def documents(rendered: Path) -> list[Document]:
    """The rendered manuals, read again."""
    left_out = LeftOut()
    found = list(read_documents(rendered, None, left_out))
    assert not left_out.unreadable
    return found


def letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def test_the_manuals_come_in_each_format_and_their_folders_are_the_domains(
    documents: list[Document],
) -> None:
    manuals = [read_manual(path) for path in sorted(MANUALS.glob("*.yaml"))]
    assert [document.domain for document in documents] == [manual.domain for manual in manuals]
    suffixes = {Path(document.name).suffix for document in documents}
    assert suffixes == {".md", ".docx", ".pdf"}


def test_each_passage_of_the_data_set_is_read_again_under_its_heading(
    documents: list[Document],
) -> None:
    for document, path in zip(documents, sorted(MANUALS.glob("*.yaml")), strict=True):
        sections: dict[str, str] = {}
        title = ""
        for block in document.blocks:
            if isinstance(block, Heading):
                title = block.text
            elif isinstance(block, Text | Items):
                sections[title] = sections.get(title, "") + letters(text_of(block))
        for passage in read_manual(path).passages:
            assert sections[passage.section] == letters(passage.text), (document.name, passage.id)


def test_no_query_of_the_data_set_is_in_a_manual(documents: list[Document]) -> None:
    for document, path in zip(documents, sorted(MANUALS.glob("*.yaml")), strict=True):
        text = letters(
            "".join(b.text if isinstance(b, Heading) else text_of(b) for b in document.blocks)
        ).lower()
        for passage in read_manual(path).passages:
            assert not [query for query in passage.queries if letters(query).lower() in text]


def test_the_script_writes_the_same_bytes_again(rendered: Path, tmp_path: Path) -> None:
    script = str(PROJECT / "data" / "render_manuals.py")
    run = subprocess.run([sys.executable, script, str(tmp_path / "again")], check=True)
    assert run.returncode == 0
    names = [path.relative_to(rendered) for path in rendered.rglob("*.*")]
    assert len(names) == 6
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (rendered / name).read_bytes(), name


def test_a_model_is_trained_on_pairs_of_the_manuals_and_judged_by_what_people_asked(
    rendered: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    made = tmp_path / "pairs.jsonl"
    report = make_pairs(
        MakeArguments(rendered, made, base_model=str(tiny_model_folder), found_within=0)
    )
    assert report.pairs > 1000
    assert {"fault table", "procedure", "sentence"} <= set(report.origins)
    flags = ["--config", "manuals", "--negatives", "none", "--max_steps", "3"]
    train_tiny(tiny_model_folder, made, tmp_path / "model", *flags)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "easured on generated queries" in card
    # The queries of the default data, which no made pair holds.
    asked = PROJECT / "data" / "finetuning" / "training_pairs.jsonl"
    words = ["--model", str(tmp_path / "model"), "--all", "--data-file", str(asked)]
    words += ["--base", str(tiny_model_folder), "--device", "cpu", "--no-speed"]
    words += ["--output-dir", str(tmp_path / "evaluation")]
    summary = evaluate_models(parse_arguments(words))
    assert summary is not None
    assert summary.results.base == tiny_model_folder.name

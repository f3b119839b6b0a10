"""The example: index, query, compare and swap, and never a mix of two models' vectors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from conftest import MakePairs, make_row
from own_models import DOCUMENT_PROMPT, QUERY_PROMPT, own_model
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize

from evaluation.retrieval.baselines import BM25Scorer, FusionScorer
from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.task import retrieval_task
from nic.errors import UserError
from nic.files import sha256_of
from pairs.loading import load_pairs

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "examples"))

import retrieval  # noqa: E402
import vector_index  # noqa: E402
from vector_index import open_index, open_model  # noqa: E402

QUERY = "why is the mast noisy"


@pytest.fixture
def base(two_domains: Path, tiny_model_folder: Path, tmp_path: Path) -> Path:
    """An index of the tiny model over the passages of forty pairs."""
    folder = tmp_path / "base"
    retrieval.build(folder, str(tiny_model_folder), None, two_domains)
    return folder


@pytest.fixture
def other_model(tiny_model_folder: Path, tmp_path: Path) -> Path:
    """The tiny model with the vectors of its words exchanged."""
    return exchange_words(Path(shutil.copytree(tiny_model_folder, tmp_path / "tiny-other")))


def exchange_words(folder: Path) -> Path:
    weights = load_file(folder / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    weights[name] = weights[name].roll(7, 0).contiguous()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def narrow_model(folder: Path, source: Path) -> Path:
    """A model of half the width; its root weights are those of `source`."""
    modules = [*SentenceTransformer(str(source), device="cpu")][:2]
    narrow = SentenceTransformer(modules=[*modules, Dense(32, 16), Normalize()], device="cpu")
    narrow.save_pretrained(str(folder), create_model_card=False)
    return folder


def interrupt(*given: object) -> None:
    raise KeyboardInterrupt


def stored(index: Path) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Passages and vectors of an index as they lie in the database."""
    content = lancedb.connect(index).open_table("passages").to_arrow()
    return content["text"].to_pylist(), np.array(content["vector"].to_pylist())


def test_the_index_holds_each_different_passage_once(base: Path, two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    corpus = retrieval_task(pairs, range(len(pairs.dataset))).corpus
    texts, vectors = stored(base)
    assert len(texts) == 80
    assert set(texts) == set(corpus)
    assert vectors.shape == (80, 32)


def test_the_index_remembers_its_model(base: Path, tiny_model_folder: Path) -> None:
    sha256 = sha256_of(tiny_model_folder / "model.safetensors")
    expected = vector_index.Model("tiny-base", str(tiny_model_folder), None, sha256)
    assert open_index(base).model == expected
    assert str(expected) == f"tiny-base (SHA-256 {sha256[:12]})"


def test_a_search_ranks_every_passage_by_its_exact_cosine(
    base: Path, tiny_model: SentenceTransformer
) -> None:
    texts, _ = stored(base)
    query, *vectors = tiny_model.encode([QUERY, *texts], normalize_embeddings=True)
    cosines = np.stack(vectors) @ query
    hits = retrieval.ask(base, QUERY, 1000)
    assert len(hits) == 80
    by_text = dict(zip(texts, cosines, strict=True))
    assert [hit.score for hit in hits] == pytest.approx(sorted(cosines, reverse=True), abs=1e-5)
    assert [hit.score for hit in hits] == pytest.approx([by_text[h.text] for h in hits], abs=1e-5)


@pytest.mark.parametrize("kind", ["prompts", "prompts_and_dot", "euclidean"])
def test_a_search_ranks_with_the_models_own_prompts_and_similarity(
    kind: str, two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    own, index = own_model(tiny_model_folder, tmp_path / "own", kind), tmp_path / "index"
    retrieval.build(index, str(own), None, two_domains)
    texts, _ = stored(index)
    model = SentenceTransformer(str(own), device="cpu")
    before, after = (QUERY_PROMPT, DOCUMENT_PROMPT) if "prompts" in kind else ("", "")
    query = model.encode(before + QUERY, prompt="")
    passages = model.encode([after + text for text in texts], prompt="")
    scores = model.similarity(query, passages)[0].numpy()
    hits = retrieval.ask(index, QUERY, 1000)
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores, reverse=True), abs=1e-4)
    by_text = dict(zip(texts, scores, strict=True))
    assert [hit.score for hit in hits] == pytest.approx([by_text[h.text] for h in hits], abs=1e-4)


def test_an_index_is_not_searched_with_another_prompt(
    two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    own, index = own_model(tiny_model_folder, tmp_path / "own", "prompts"), tmp_path / "index"
    retrieval.build(index, str(own), None, two_domains)
    path = own / "config_sentence_transformers.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(QUERY_PROMPT, "query: "), encoding="utf-8")
    with pytest.raises(UserError, match="but encodes otherwise .*prompts.* use the command swap"):
        retrieval.ask(index, QUERY, 5)


def test_a_similarity_that_the_database_lacks_is_refused(
    two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    own = own_model(tiny_model_folder, tmp_path / "own", "manhattan")
    with pytest.raises(UserError, match="compares by Manhattan distance, which the database does"):
        retrieval.build(tmp_path / "index", str(own), None, two_domains)
    assert not (tmp_path / "index").exists()


def test_an_index_of_an_earlier_version_is_searched(base: Path) -> None:
    table = lancedb.connect(base).open_table("passages").to_arrow()
    model = json.loads(table.schema.metadata[b"model"])
    del model["encoding"]
    table = table.replace_schema_metadata({"model": json.dumps(model)})
    lancedb.connect(base).create_table("passages", table, mode="overwrite")
    assert len(retrieval.ask(base, QUERY, 3)) == 3


def test_a_query_shows_the_best_passages_in_order(base: Path) -> None:
    passage = "replace the mast of unit 6 and tighten the hose"
    lines = retrieval.query(base, passage, 2, None, None)
    assert lines[0] == f" 1  1.000  {passage}"
    assert lines[1].startswith(" 2  0.")
    assert len(lines) == 2


def test_with_bm25_the_ranking_is_the_one_that_the_evaluation_measures(
    base: Path, two_domains: Path, tiny_model: SentenceTransformer
) -> None:
    pairs = load_pairs(two_domains)
    task = retrieval_task(pairs, range(len(pairs.dataset)))
    fusion = FusionScorer(embed_task(tiny_model, task), BM25Scorer.of(task))
    measured = score_task(fusion, task)[3]
    passages = dict(zip(task.passage_ids, task.corpus, strict=True))
    hits = retrieval.ask_both(base, task.queries[3], 10)
    assert [hit.score for hit in hits] == pytest.approx(measured.top_scores)
    clear = [n for n in range(10) if measured.top_scores.count(measured.top_scores[n]) == 1]
    assert len(clear) > 3
    assert [hits[n].text for n in clear] == [passages[measured.top_ids[n]] for n in clear]
    assert hits[0].text != retrieval.ask(base, task.queries[3], 1)[0].text
    shown = retrieval.query(base, task.queries[3], 2, None, None, bm25=True)
    assert shown[0] == f" 1  {hits[0].score:.3f}  {hits[0].text}"


def test_lines_of_texts_are_passages_too(write_pairs: MakePairs) -> None:
    rows = [{"text": " the pump leaks "}, {"text": "the fan is hot"}, {"text": "the pump leaks"}]
    path = write_pairs([*rows, make_row(1, "hvac")])
    assert retrieval.read_passages(path) == [
        "the pump leaks",
        "the fan is hot",
        "replace the valve of unit 1 and tighten the hose",
        "clean the valve of unit 2 and check the fuse",
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"text": ""}',
        '{"text": 3}',
        '{"text": "\\ud800"}',
        '{"query": "q", "positive": "p"}',
        "[1]",
        '"text"',
        "not JSON",
        pytest.param("[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_line_that_holds_no_passage_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "the pump leaks"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'corpus.jsonl:2: no {"text": ...} line, nor a pair: '):
        retrieval.read_passages(path)


def test_an_empty_corpus_is_refused_and_leaves_no_index(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n\n", encoding="utf-8")
    with pytest.raises(UserError, match="corpus.jsonl: holds no passages"):
        retrieval.build(tmp_path / "index", str(tiny_model_folder), None, path)
    assert not (tmp_path / "index").exists()


def test_a_query_in_another_model_is_refused(base: Path, other_model: Path) -> None:
    message = r"its vectors are of tiny-base \(SHA-256 .*\), not of tiny-other \(SHA-256 .*swap$"
    with pytest.raises(UserError, match=message):
        retrieval.ask(base, QUERY, 5, str(other_model))


def test_a_model_that_was_trained_again_in_its_folder_is_refused(
    two_domains: Path, tiny_copy: Path, tmp_path: Path
) -> None:
    retrieval.build(tmp_path / "index", str(tiny_copy), None, two_domains)
    exchange_words(tiny_copy)
    with pytest.raises(UserError, match="its vectors are of tiny "):
        retrieval.ask(tmp_path / "index", QUERY, 5)


def test_the_same_weights_pooled_otherwise_are_refused(base: Path, tiny_copy: Path) -> None:
    config = tiny_copy / "1_Pooling" / "config.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**content, "pooling_mode": "cls"}), encoding="utf-8")
    with pytest.raises(UserError, match="has the same weights as when .* but encodes otherwise"):
        retrieval.ask(base, QUERY, 5, str(tiny_copy))


def test_the_same_weights_in_another_width_are_refused(
    base: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    narrow = narrow_model(tmp_path / "narrow", tiny_model_folder)
    with pytest.raises(UserError, match="narrow .*but encodes otherwise"):
        retrieval.ask(base, QUERY, 5, str(narrow))


def test_the_model_of_an_index_may_have_moved(base: Path, tiny_copy: Path) -> None:
    assert retrieval.ask(base, QUERY, 5, str(tiny_copy)) == retrieval.ask(base, QUERY, 5)


def test_indexing_over_an_index_of_another_model_is_refused(
    base: Path, other_model: Path, two_domains: Path
) -> None:
    before = retrieval.ask(base, QUERY, 5)
    with pytest.raises(UserError, match="its vectors are of tiny-base"):
        retrieval.build(base, str(other_model), None, two_domains)
    assert retrieval.ask(base, QUERY, 5) == before


def test_indexing_again_with_the_same_model_replaces_the_passages(
    base: Path, tiny_model_folder: Path, write_pairs: MakePairs
) -> None:
    retrieval.build(base, str(tiny_model_folder), None, write_pairs([{"text": "the fan is hot"}]))
    assert stored(base)[0] == ["the fan is hot"]


def test_a_swap_replaces_every_vector_and_keeps_every_passage(
    base: Path, other_model: Path, tmp_path: Path
) -> None:
    texts, before = stored(base)
    (said,) = retrieval.swap(base, str(other_model), None)
    assert "80 passages, embedded by tiny-other" in said
    assert ", before by tiny-base (" in said
    after_texts, after = stored(base)
    encoder, model = open_model(str(other_model))
    assert after_texts == texts
    assert after == pytest.approx(encoder.encode(texts, normalize_embeddings=True), abs=1e-6)
    assert (np.sum(before * after, axis=1) < 0.999).all()
    assert open_index(base).model == model
    assert len(retrieval.ask(base, QUERY, 5)) == 5


def test_a_swap_may_change_the_width(base: Path, tiny_model_folder: Path, tmp_path: Path) -> None:
    retrieval.swap(base, str(narrow_model(tmp_path / "narrow", tiny_model_folder)), None)
    assert stored(base)[1].shape == (80, 16)
    assert retrieval.ask(base, stored(base)[0][3], 1)[0].score == pytest.approx(1, abs=1e-5)


def test_a_query_that_began_before_a_swap_ends_on_the_old_vectors(
    base: Path, other_model: Path, tiny_model_folder: Path
) -> None:
    opened, expected = open_index(base), retrieval.ask(base, QUERY, 5)
    retrieval.swap(base, str(other_model), None)
    assert opened.search(QUERY, 5, *open_model(str(tiny_model_folder))) == expected


def test_an_interrupted_swap_leaves_the_index_as_it_was(
    base: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = retrieval.ask(base, QUERY, 5)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(vector_index, "encode_passages", interrupt)
        retrieval.swap(base, str(other_model), None)
    assert retrieval.ask(base, QUERY, 5) == before


def test_a_full_disk_is_told_as_one(
    base: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = retrieval.ask(base, QUERY, 5)
    encoder, model = open_model(str(other_model))

    def full(folder: Path) -> None:
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28)")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="No space left"):
        patch.setattr(vector_index, "find_table", full)
        vector_index.write_index(base, model, encoder, ["the fan is hot"])
    assert retrieval.ask(base, QUERY, 5) == before


def test_a_swap_that_was_killed_before_its_commit_changed_nothing(
    base: Path, other_model: Path
) -> None:
    before, versions = retrieval.ask(base, QUERY, 5), base / "passages.lance" / "_versions"
    committed = {path.name: path.read_bytes() for path in versions.iterdir()}
    retrieval.swap(base, str(other_model), None)
    for path in versions.iterdir():
        path.unlink()
    for name, content in committed.items():
        (versions / name).write_bytes(content)
    assert retrieval.ask(base, QUERY, 5) == before
    retrieval.swap(base, str(other_model), None)
    assert open_index(base).model.name == "tiny-other"


def test_a_first_indexing_that_was_killed_left_no_index_and_can_be_repeated(
    base: Path, tiny_model_folder: Path, two_domains: Path
) -> None:
    shutil.rmtree(base / "passages.lance" / "_versions")
    with pytest.raises(UserError, match="base: holds no index"):
        retrieval.ask(base, QUERY, 5)
    retrieval.build(base, str(tiny_model_folder), None, two_domains)
    assert len(stored(base)[0]) == 80


def test_ctrl_c_is_one_line(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vector_index, "encode_passages", interrupt)
    monkeypatch.setattr(sys, "argv", ["retrieval.py", "query", "--index", str(base), QUERY])
    with pytest.raises(SystemExit) as end:
        retrieval.main()
    assert end.value.code == 130
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1].startswith("interrupted: an index changes as a whole or not at all")


def test_two_models_stand_side_by_side_with_the_ranks_that_changed(
    base: Path, other_model: Path, two_domains: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    tuned = tmp_path / "tuned"
    retrieval.build(tuned, str(other_model), None, two_domains)
    heading, *lines = retrieval.compare(base, tuned, QUERY, 3)
    assert heading.split() == ["tiny-base", "tiny-other"]
    old, new = retrieval.ask(base, QUERY, 100), retrieval.ask(tuned, QUERY, 3)
    ranks = {hit.text: n for n, hit in enumerate(old, 1)}
    for n, line in enumerate(lines):
        assert line.startswith(f" {n + 1}  {old[n].score:.3f} {old[n].text}  ")
        moved = f"was {ranks[new[n].text]}"
        assert line.endswith(f"  {new[n].score:.3f} {moved:<8} {new[n].text}")
    assert len(lines) == 3


def test_indexes_of_different_passages_are_not_compared(
    base: Path, other_model: Path, write_pairs: MakePairs, tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned"
    corpus = write_pairs([{"text": "the fan is hot"}], "corpus.jsonl")
    retrieval.build(tuned, str(other_model), None, corpus)
    with pytest.raises(UserError, match="hold different passages; index one file in both"):
        retrieval.compare(base, tuned, QUERY, 5)


def test_a_folder_without_an_index_is_refused_and_not_created(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    for folder in (tmp_path / "nowhere", tiny_model_folder):
        with pytest.raises(UserError, match=f"{folder.name}: holds no index; build one with"):
            retrieval.ask(folder, QUERY, 5)
    assert not (tmp_path / "nowhere").exists()


def test_an_index_that_is_a_file_is_one_line(
    tmp_path: Path, tiny_model_folder: Path, two_domains: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="file: .*exists") as error:
        retrieval.build(path, str(tiny_model_folder), None, two_domains)
    assert "\n" not in str(error.value)


def test_a_damaged_index_is_one_line(base: Path) -> None:
    for path in (base / "passages.lance" / "data").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="base: lance error") as error:
        retrieval.ask(base, QUERY, 5)
    assert "\n" not in str(error.value)


def test_a_table_that_something_else_made_is_refused(tmp_path: Path) -> None:
    content = pa.table({"text": ["the pump leaks"]})
    lancedb.connect(tmp_path / "foreign").create_table("passages", content)
    with pytest.raises(UserError, match="foreign: does not say which model made it"):
        retrieval.ask(tmp_path / "foreign", QUERY, 5)


@pytest.fixture
def hub(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds org/tiny: v1.0, with main and v1.1 on other weights."""
    repository = tmp_path / "hub" / "models--org--tiny"
    for letter in "ab":
        shutil.copytree(tiny_model_folder, repository / "snapshots" / (letter * 40))
    exchange_words(repository / "snapshots" / ("b" * 40))
    (repository / "refs").mkdir()
    for ref, letter in {"v1.0": "a", "v1.1": "b", "main": "b"}.items():
        (repository / "refs" / ref).write_text(letter * 40, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return repository


def test_a_published_version_is_remembered_by_its_commit_and_asked_again_in_it(
    hub: Path, two_domains: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    (said,) = retrieval.build(index, "org/tiny", "v1.0", two_domains)
    assert "embedded by org/tiny (revision aaaaaaaaaaaa, SHA-256 " in said
    model = open_index(index).model
    assert (model.name, model.location, model.revision) == ("org/tiny", "org/tiny", "a" * 40)
    (hub / "refs" / "v1.0").unlink()
    assert len(retrieval.ask(index, QUERY, 5)) == 5
    with pytest.raises(UserError, match="not of org/tiny .revision bbbbbbbbbbbb"):
        retrieval.ask(index, QUERY, 5, "org/tiny")
    retrieval.swap(index, "org/tiny", None)
    assert open_index(index).model.revision == "b" * 40


@pytest.mark.usefixtures("hub")
def test_a_revision_that_is_not_there_is_one_line(tiny_model_folder: Path) -> None:
    with pytest.raises(UserError, match="org/tiny v9: neither a folder nor in the Hub's cache"):
        open_model("org/tiny", "v9")
    with pytest.raises(UserError, match="nobody/nothing: neither a folder nor in"):
        open_model("nobody/nothing")
    with pytest.raises(UserError, match="tiny-base: is a folder, which has no --revision"):
        open_model(str(tiny_model_folder), "v1.0")


def test_a_model_without_safetensors_is_refused(tiny_copy: Path) -> None:
    (tiny_copy / "model.safetensors").rename(tiny_copy / "weights.safetensors")
    with pytest.raises(UserError, match="tiny: holds no model.safetensors"):
        open_model(str(tiny_copy))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "the following arguments are required: command"),
        ("query --index i", "the following arguments are required: text"),
        ("query --index i x --k 0", "--k 0: must be 1 or more"),
        ("query --index i x --revision v1.0", "--revision says nothing without --model"),
        ("compare --base a x", "the following arguments are required: --tuned"),
        ("swap --index i", "the following arguments are required: --model"),
        ("swap --index i --model m --nothing", "unrecognized arguments: --nothing"),
    ],
)
def test_a_mistaken_command_line_is_one_line(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        retrieval.parse_arguments(given.split())
    assert "\n" not in str(error.value)


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(UserError, match="the text to look for is empty"):
        retrieval.parse_arguments(["query", "--index", "i", "  "])


def test_each_command_says_what_it_did(
    two_domains: Path,
    tiny_model_folder: Path,
    other_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(*given: object) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["retrieval.py", *map(str, given)])
        retrieval.main()
        return capsys.readouterr().out.splitlines()

    base, tuned = tmp_path / "base", tmp_path / "tuned"
    asked = ("--data-file", two_domains, "--model", tiny_model_folder)
    (line,) = said("index", "--index", base, *asked)
    assert line.startswith(f"{base}: 80 passages, embedded by tiny-base (SHA-256 ")
    (line,) = said("index", "--index", tuned, *asked)
    (line,) = said("swap", "--index", tuned, "--model", other_model)
    assert line.startswith(f"{tuned}: 80 passages, embedded by tiny-other (SHA-256 ")
    assert len(said("query", "--index", base, "--k", 7, QUERY)) == 7
    assert len(said("compare", "--base", base, "--tuned", tuned, "--k", 4, QUERY)) == 5


def command(*given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROJECT / "examples" / "retrieval.py"), *map(str, given)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
    )


def test_an_index_outlives_its_process_and_the_answer_stands_alone_on_the_console(
    tiny_model_folder: Path, write_pairs: MakePairs, tmp_path: Path
) -> None:
    index, corpus = tmp_path / "an index #1", write_pairs([{"text": "the pump leaks 10 Ω"}])
    retrieval.build(index, str(tiny_model_folder), None, corpus)
    done = command("query", "--index", index, "the pump leaks 10 Ω")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == " 1  1.000  the pump leaks 10 Ω\n"


def test_a_mistake_ends_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = command("query", "--index", tmp_path / "nowhere", "the pump")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("nowhere: holds no index; build one with the command index\n")


def test_an_index_holds_every_negative_of_a_row(write_pairs: MakePairs) -> None:
    rows = [make_row(1, "hvac", positive="a b", negative=["c d", "e f"]), {"text": "g h"}]
    assert retrieval.read_passages(write_pairs(rows)) == ["a b", "c d", "e f", "g h"]

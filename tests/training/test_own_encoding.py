"""Training uses the prompts and the similarity of the base model, or the prompts that are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakePairs, make_row
from own_models import (
    DOCUMENT_PROMPT,
    PROMPTS,
    QUERY_PROMPT,
    own_figures,
    own_model,
    plain_figures,
)
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_runs import GIVEN_NEGATIVES

from evaluation.retrieval.task import RetrievalTask, retrieval_task
from evaluation.summary import EvaluationSummary
from nic.errors import UserError
from nic.logs import open_run_log
from nic.models import find_model, load_model
from pairs.columns import TEXT_COLUMNS
from pairs.loading import load_pairs
from pairs.split_file import load_split
from training import pipeline
from training.command.parser import parse_arguments
from training.frozen.freezing import freeze
from training.frozen.frozen_states import keep_frozen_states
from training.loop.losses import LOSSES, Loss, build_loss, describe_loss
from training.loop.prompts import column_prompts
from training.loop.reporters import Reporters

TEN = [make_row(n, "hvac") for n in range(10)]


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: it takes most of a tiny run."""
    monkeypatch.setattr("training.output.model_folder.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.write_page", lambda *_: None)


def train(base: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    given = ["--base-model", str(base), "--data-file", str(data), "--output-dir", str(output)]
    given += ["--epochs", "1", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"]
    given += ["--val-ratio", "0.2", "--freeze-layers", "2", "--probe", str(data), "--no-speed"]
    given += ["--precision", "fp32", "--lr_scheduler_type", "cosine_with_restarts", "--mix", "off"]
    given += GIVEN_NEGATIVES
    with open_run_log(main_process=True) as log:
        summary = pipeline.train(*parse_arguments([*given, *more]), log, Reporters())
    assert summary is not None
    return summary


def held_out(data: Path, folder: Path) -> RetrievalTask:
    pairs = load_pairs(data)
    return retrieval_task(pairs, load_split(folder / "split.json", pairs).reported)


def found(summary: EvaluationSummary, name: str) -> tuple[float, float]:
    metrics = summary.reports[name].overall
    return metrics["recall@5"], metrics["mrr"]


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("kind", ["default_prompt", "prompts_and_dot"])
def test_base_score_validation_and_report_are_as_the_models_users_have_it(
    kind: str, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    base, out = own_model(tiny_model_folder, tmp_path / "own", kind), tmp_path / "out"
    summary = train(base, two_domains, out)
    task = held_out(two_domains, out)
    for folder, name in ((base, "own"), (out, "out")):
        assert found(summary, name) == pytest.approx(own_figures(folder, task), abs=1e-6)
    assert found(summary, "own") != pytest.approx(plain_figures(base, task), abs=1e-4)
    log = (out / "training.log").read_text(encoding="utf-8")
    similarity = "dot product" if "dot" in kind else "cosine similarity"
    prompts = 'queries with "why is the ", passages with "replace the "'
    assert log.count(f"Encoding: {prompts}, {similarity}\n") == 1
    recall, mrr = own_figures(base, task)
    assert f"Base model: Recall@5={recall:.4f}, MRR={mrr:.4f}" in log
    # The validation that chose the checkpoint, and the probe.
    chosen = read(out)["metrics"]["tuned"]["overall"]["mrr"]
    assert f"MRR={chosen:.4f}" in log
    everything = retrieval_task(load_pairs(two_domains), range(40))
    assert summary.probe is not None
    probe = summary.probe.overall.estimates["out"]["mrr"].value
    assert probe == pytest.approx(own_figures(out, everything)[1], abs=1e-6)


def test_the_saved_model_keeps_prompts_and_similarity_and_says_so(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    base, out = own_model(tiny_model_folder, tmp_path / "own", "prompts_and_dot"), tmp_path / "out"
    train(base, two_domains, out)
    for folder in (out, out / "checkpoint-best", out / "checkpoint-epoch-1"):
        saved = SentenceTransformer(str(folder), device="cpu")
        assert saved.prompts == PROMPTS
        assert saved.similarity_fn_name == "dot"
    metadata = read(out)
    assert metadata["model"]["prompts"] == PROMPTS
    assert metadata["model"]["similarity"] == metadata["training"]["similarity"] == "dot"
    assert metadata["training"]["scale"] == 1.0
    assert metadata["evaluation"]["encodings"]["out"]["query_prompt"] == QUERY_PROMPT
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "compare embeddings by dot product" in card
    assert '`encode_query` puts "why is the " before each query' in card


@pytest.mark.parametrize("loss", LOSSES)
def test_training_with_prompts_is_training_on_prompted_texts(
    loss: str, tiny_model_folder: Path, write_pairs: MakePairs, tmp_path: Path
) -> None:
    prompts = dict(zip(TEXT_COLUMNS, (QUERY_PROMPT, DOCUMENT_PROMPT, DOCUMENT_PROMPT), strict=True))
    rows = [make_row(n, "hvac") for n in range(20)]
    prompted = [{key: prompts.get(key, "") + value for key, value in row.items()} for row in rows]
    given = ("--small-domains", "error", "--loss", loss)
    own = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    train(own, write_pairs(rows), tmp_path / "with", *given)
    train(tiny_model_folder, write_pairs(prompted, "2.jsonl"), tmp_path / "by-hand", *given)
    one, other = (load_file(tmp_path / n / "model.safetensors") for n in ("with", "by-hand"))
    base = load_file(tiny_model_folder / "model.safetensors")
    between, moved = (
        sum(float((one[name] - other_[name]).square().sum()) for name in one) ** 0.5
        for other_ in (other, base)
    )
    # Rounding alone: texts are grouped otherwise.
    assert between < 1e-2 * moved


def test_given_prompts_are_used_for_the_base_too_and_saved_and_repeated(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match="the prompt of its queries fills the 64 tokens"):
        train(tiny_model_folder, two_domains, out, "--query-prompt", "pump " * 62)
    assert not out.exists()
    given = ("--query-prompt", QUERY_PROMPT, "--document-prompt", DOCUMENT_PROMPT)
    summary = train(tiny_model_folder, two_domains, out, *given)
    task = held_out(two_domains, out)
    same = own_model(tiny_model_folder, tmp_path / "same", "prompts")
    assert found(summary, "tiny-base") == pytest.approx(own_figures(same, task), abs=1e-6)
    assert found(summary, "out") == pytest.approx(own_figures(out, task), abs=1e-6)
    command = read(out)["training"]["command"]
    assert command[command.index("--query-prompt") + 1] == QUERY_PROMPT
    assert command[command.index("--document-prompt") + 1] == DOCUMENT_PROMPT


def test_resuming_with_other_prompts_is_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    base, out = own_model(tiny_model_folder, tmp_path / "own", "prompts"), tmp_path / "out"
    train(base, two_domains, out)
    with pytest.raises(UserError, match='changed: --query-prompt why is the , now ""; give the fo'):
        train(base, two_domains, out, "--resume", "--query-prompt", "")
    # Given as the base stores it, or not given, is the same.
    train(base, two_domains, out, "--resume", "--epochs", "2", "--query-prompt", QUERY_PROMPT)
    # Earlier versions trained without prompts.
    path = out / "nic-run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for name in ("query_prompt", "document_prompt", "similarity"):
        del record["settings"][name]
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        UserError, match='--query-prompt "", now why is the ; --document-prompt "",'
    ):
        train(base, two_domains, out, "--resume", "--epochs", "2")


def test_the_trainers_own_prompts_are_refused_with_the_flags_to_use() -> None:
    with pytest.raises(UserError, match="--prompts: reaches the training alone; give --query-prom"):
        parse_arguments(["--prompts", '{"query": "q: "}'])


# The scale of a similarity within [-1, 1] is 20, of any other 1.
@pytest.mark.parametrize(
    ("similarity", "unit_length", "scale"),
    [
        ("cosine", True, 20.0),
        ("cosine", False, 20.0),
        ("dot", True, 20.0),
        ("dot", False, 1.0),
        ("euclidean", True, 20.0),
        ("euclidean", False, 1.0),
        ("manhattan", True, 1.0),
    ],
)
@pytest.mark.parametrize("loss", [key for key in LOSSES if not LOSSES[key].guided])
def test_the_loss_compares_as_the_model_does(
    loss: str, similarity: str, unit_length: bool, scale: float, tiny_model: SentenceTransformer
) -> None:
    modules = list(tiny_model)[: 3 if unit_length else 2]
    model = SentenceTransformer(modules=modules, similarity_fn_name=similarity, device="cpu").eval()
    columns = [[row[name] for row in TEN] for name in TEXT_COLUMNS]
    module = build_loss(model, loss, {"mini_batch_size": 4, "directions": "query_to_doc"})
    value = module([model.preprocess(texts) for texts in columns], torch.tensor([]))
    query, positive, negative = (model.encode(texts, convert_to_tensor=True) for texts in columns)
    scores = scale * model.similarity(query, torch.cat([positive, negative]))
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(10))
    assert value.item() == pytest.approx(expected.item(), rel=1e-3)
    assert describe_loss(loss, model, {})["scale"] == scale
    value.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_a_loss_that_compares_by_cosine_alone_is_refused_for_another_model(
    tiny_model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "cosent", Loss("AdaptiveLayerLoss", "any"))
    tiny_model.similarity_fn_name = "dot"
    with pytest.raises(UserError, match="--loss cosent: compares by cosine alone, .* dot product;"):
        build_loss(tiny_model, "cosent", {})


def test_a_prompt_under_another_name_reaches_both_columns_of_passages(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_model_folder, tmp_path / "own", "passage")
    model = load_model(find_model(str(folder)), "cpu")
    assert column_prompts(model) == {
        "query": QUERY_PROMPT,
        "positive": DOCUMENT_PROMPT,
        "negative": DOCUMENT_PROMPT,
    }


def test_a_prompt_that_the_pooling_leaves_out_is_left_out_while_training(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    base = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    pooling = base / "1_Pooling" / "config.json"
    config = json.loads(pooling.read_text(encoding="utf-8"))
    pooling.write_text(json.dumps({**config, "include_prompt": False}), encoding="utf-8")
    out = tmp_path / "out"
    summary = train(base, two_domains, out)
    task = held_out(two_domains, out)
    model = SentenceTransformer(str(out), device="cpu")
    assert not model[1].include_prompt
    scores = model.similarity(model.encode_query(task.queries), model.encode_document(task.corpus))
    ranks = [
        (row >= row[number]).sum().item()
        for row, (number,) in zip(scores, task.relevant, strict=True)
    ]
    assert found(summary, "out")[1] == pytest.approx(sum(1 / r for r in ranks) / len(ranks))


def test_the_frozen_states_are_those_of_the_prompted_texts(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    model = load_model(find_model(str(folder)), "cpu")
    freeze(model, 2)
    pairs = load_pairs(two_domains)
    prompts = column_prompts(model)
    texts = {prompts.get(name): pairs.column(name) for name in ("query", "negative")}
    keep_frozen_states(model, 2, {torch.float32: texts}, 1.0, tmp_path)
    calls: list[Any] = []
    model[0].auto_model.encoder.layer[0].register_forward_hook(lambda *given: calls.append(given))
    model.encode_query(pairs.column("query"))
    model.encode_document(pairs.column("negative"))
    assert not calls
    model.encode_query(pairs.column("positive"))
    assert calls

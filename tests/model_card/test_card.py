"""The card: facts from the metadata, valid header, hostile names shown and never interpreted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MakePairs, make_row
from huggingface_hub import ModelCard
from jinja2 import UndefinedError

from model_card.card import CardFacts, as_text, render_card, write_card
from training.pairs import load_pairs

GOLDEN = Path(__file__).with_name("golden_card.md")


def figures(recall: float, queries: int) -> dict[str, Any]:
    metrics = {"recall@1": recall / 2, "recall@5": recall, "recall@10": recall, "mrr": recall / 2}
    return {**metrics, "ndcg@10": recall / 2, "queries": queries}


def report(recall: float, domains: list[str]) -> dict[str, Any]:
    return {
        "overall": figures(recall, 100),
        "macro": figures(recall, 100),
        "worst": {"domain": domains[-1], **figures(recall, 50)},
        "domains": {name: figures(recall, 50) for name in domains},
    }


def make_facts(*domains: str) -> CardFacts:
    names = list(domains or ("forklift", "vehicle_civilian"))
    split: dict[str, Any] = {
        "shared_passages": 0,
        "shared_queries": 0,
        "validation_passages": 40,
        "validation_positives_among_train_negatives": 12,
        "domains": {name: {"train": 450, "validation": 50} for name in names},
    }
    counts = {"pairs": 1000, "queries": 990, "positives": 400, "negatives": 380}
    freezing = {"asked": 10, "frozen_layers": 4, "layers": 6}
    freezing |= {"trainable_parameters": 3_548_928, "parameters": 22_713_216}
    return CardFacts(
        model={
            "name": "nic-embeddings-v1.0",
            "embedding_dimension": 384,
            "max_seq_length": 256,
            "similarity": "cosine",
        },
        base_model={"name": "sentence-transformers/all-MiniLM-L6-v2"},
        data={"sha256": "ab" * 32, **counts, "split": split},
        training={
            "loss": "MultipleNegativesRankingLoss",
            "scale": 20.0,
            "epochs": 5.0,
            "batch_size": 32,
            "learning_rate": 2e-5,
            "schedule": "cosine, restarted every epoch",
            "freezing": freezing,
            "seed": 42,
            "steps": 140,
            "best_step": 112,
        },
        metrics={"base": report(0.5, names), "tuned": report(0.75, names), "corpus_size": 2285},
        environment={"device": "cpu", "packages": {"torch": "2.13.0", "datasets": "5.2.0"}},
    )


def test_the_card_is_the_golden_file() -> None:
    assert str(render_card(make_facts())) == GOLDEN.read_text(encoding="utf-8")


def test_the_header_is_valid_and_holds_the_results_of_each_domain() -> None:
    card: Any = ModelCard(str(render_card(make_facts())))
    header = card.data.to_dict()
    assert header["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert header["library_name"] == "sentence-transformers"
    assert header["pipeline_tag"] == "sentence-similarity"
    assert (header["language"], header["license"]) == ("en", "apache-2.0")
    results = {(r.dataset_config, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert len(results) == 3 * 5
    assert results["vehicle_civilian", "recall@5"] == 0.75
    assert results["all domains", "mrr"] == 0.375


HOSTILE = [
    "a|b",
    "<script>alert(1)</script>",
    "**bold** [link](http://x)",
    "yes: {a: b}\n- c",
    "`code` # not a heading",
    "{{ 7 * 7 }}{% raw %}",
    "---",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_domain_name_is_shown_as_text(name: str) -> None:
    card: Any = ModelCard(str(render_card(make_facts("forklift", name))))
    configs = {result.dataset_config for result in card.data.eval_results}
    assert " ".join(name.split()) in configs
    row = next(
        line for line in card.text.splitlines() if as_text(name) in line and "| 50 |" in line
    )
    assert row.replace("\\|", "").count("|") == 13
    assert "<script>" not in card.text


def test_a_missing_fact_is_an_error() -> None:
    facts = copy.deepcopy(make_facts())
    del facts.training["schedule"]
    with pytest.raises(UndefinedError, match="schedule"):
        render_card(facts)


def test_a_card_that_quotes_training_data_is_not_written(
    write_pairs: MakePairs, tmp_path: Path
) -> None:
    sentence = "Charge  the battery. Check\tthe coupling."
    quoted = "Texts longer than 256 tokens are cut."
    for text, stands_in_card in ((sentence, False), (quoted, True)):
        pairs = load_pairs(write_pairs([make_row(1, "hvac", positive=text)]))
        if stands_in_card:
            with pytest.raises(ValueError, match="quotes training data"):
                write_card(make_facts(), pairs, tmp_path)
            assert not (tmp_path / "README.md").exists()
        else:
            write_card(make_facts(), pairs, tmp_path)
            (tmp_path / "README.md").unlink()


def test_the_header_is_yaml_that_reads_back_the_same() -> None:
    text = str(render_card(make_facts("a: b", "forklift")))
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["model-index"][0]["name"] == "nic-embeddings-v1.0"

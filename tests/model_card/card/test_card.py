"""The card: facts from the metadata, valid header, hostile names shown and never interpreted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MakePairs, make_evaluation, make_row
from huggingface_hub import ModelCard
from jinja2 import UndefinedError

from evaluation.gates import describe_gates, read_thresholds
from evaluation.serialization import to_json
from evaluation.summary import summarise
from model_card.card.card import CardFacts, render_card, write_card
from model_card.card.metadata import describe_evaluation, describe_metrics
from model_card.card.sentences import as_text
from pairs.loading import load_pairs

GOLDEN = Path(__file__).with_name("golden_card.md")


def make_facts(*domains: str, **changes: Any) -> CardFacts:
    one, other = domains or ("forklift", "vehicle_civilian")
    summary = summarise(make_evaluation((one, other), **changes), read_thresholds())
    counts = {"train": 450, "validation": 50}
    split: dict[str, Any] = {
        "train_pairs": 900,
        "validation_pairs": 100,
        "shared_passages": 0,
        "shared_queries": 0,
        "domains": {name: counts for name in (one, other)},
    }
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
        data={
            "sha256": "ab" * 32,
            "pairs": 1000,
            "queries": 990,
            "positives": 400,
            "negatives": 380,
            "split": split,
            "check": {"findings": {"empty_queries": 12, "duplicate_rows": 0}},
        },
        training={
            "command": ["--data-file", "pairs.jsonl", "--epochs", "5"],
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
        metrics=describe_metrics(summary),
        evaluation=describe_evaluation(summary),
        gates=to_json(describe_gates(summary.gates)),
        figures=["recall_at_5.png", "rank_change.png"],
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
    assert results["vehicle_civilian", "recall@5"] == 1.0
    assert results["all domains", "mrr"] == 1.0
    assert results["forklift", "recall@1"] == 1.0


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
    rows = [line for line in card.text.splitlines() if as_text(name) in line and "| 30 |" in line]
    # Recall@5, MRR, nDCG@10, then all the metrics of the held-out queries.
    assert [row.replace("\\|", "").count("|") for row in rows] == [8, 8, 8, 13]
    assert "<script>" not in card.text


@pytest.mark.parametrize("name", [*HOSTILE, "```\n# heading"])
def test_a_hostile_file_name_stays_within_its_block_of_code(name: str) -> None:
    facts = make_facts()
    facts.training["command"][1] = name
    text = str(render_card(facts))
    block = text[text.index("accelerate launch") :].split("\n| setting")[0].rstrip().splitlines()
    fence = block[-1]
    assert set(fence) == {"`"}
    assert not any(line.startswith(fence) for line in block[:-1])


def test_the_verdict_stands_before_everything_else() -> None:
    text = str(render_card(make_facts()))
    assert (
        "**Better than base: Recall@5 0.667 before, 1.000 now (+0.333 \\[+0.217, +0.450\\], "
        "p < 0.001, over 60 held-out queries).**"
    ) in text
    assert "- Better in 1 of 2 domains: forklift." in text
    assert "- Not distinguishable in 1 of 2 domains: vehicle\\_civilian." in text
    order = ["## Is it better?", "## Load it", "## Figures", "## Data", "## Training", "## Limits"]
    assert [text.index(heading) for heading in order] == sorted(map(text.index, order))


def test_a_failed_gate_stands_as_failed() -> None:
    text = str(render_card(make_facts(speed=None)))
    assert "**6 of 7 release gates passed; failed: latency\\_ms.**" in text
    assert "| **FAILED** | latency\\_ms | &lt; 10 | not measured |" in text
    assert "Not measured." in text


def test_the_card_says_whether_its_queries_chose_the_checkpoint() -> None:
    assert "The same queries chose the checkpoint" in str(render_card(make_facts()))
    assert "chose the checkpoint" not in str(render_card(make_facts(chose_checkpoint=False)))


def test_a_leaking_split_is_named_as_one() -> None:
    facts = make_facts()
    facts.data["split"]["shared_passages"] = 3
    text = str(render_card(facts))
    assert "The given split leaks: 3 of their texts were trained on." in text
    assert "No passage and no query of these" not in text


def test_a_model_that_is_its_own_base_says_so() -> None:
    assert "This is the base model itself." in str(render_card(make_facts(model="base")))


def test_the_checks_of_the_data_and_the_command_stand_in_the_card() -> None:
    text = str(render_card(make_facts()))
    assert "- empty queries: 12\n" in text
    assert "accelerate launch training/train.py --data-file pairs.jsonl --epochs 5" in text


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

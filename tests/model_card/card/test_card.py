"""The card: facts from the metadata, valid header, hostile names shown and never interpreted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from card_facts import VARIANTS, make_metadata
from conftest import MakePairs, make_evaluation, make_row
from huggingface_hub import ModelCard
from summaries import BASE, MODEL, results_of, summary_of

from evaluation.report import sentences as report
from model_card.card.card import render_card, write_card
from model_card.card.facts import read_card_facts
from model_card.card.metadata import describe_evaluation, describe_metrics
from model_card.card.sentences import as_text
from nic.errors import UserError
from pairs.loading import load_pairs

GOLDEN = Path(__file__).with_name("golden_card.md")


def test_the_card_is_the_golden_file() -> None:
    assert render_card(make_metadata()) == GOLDEN.read_text(encoding="utf-8")


def test_the_header_is_valid_and_holds_the_results_of_each_domain() -> None:
    card: Any = ModelCard(render_card(make_metadata()))
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


def test_the_usage_of_the_card_gives_queries_and_passages_their_own_ways() -> None:
    card = render_card(make_metadata())
    assert 'queries = model.encode_query(["pump runs but nothing moves"])' in card
    assert "passages = model.encode_document([" in card
    assert "before each query" not in card


def test_prompts_and_similarity_are_in_the_card() -> None:
    metadata = make_metadata()
    prompts = {"query": "Ask_me:\n", "document": "", "other": "x"}
    metadata["model"] |= {"similarity": "dot", "prompts": prompts}
    metadata["training"] |= {"similarity": "dot", "scale": 1.0}
    card = render_card(metadata)
    assert "compare embeddings by dot product\n(`model.similarity`)." in card
    assert (
        '`encode_query` puts "Ask\\_me:\\\\n" before each query and `encode_document` puts nothing '
        "before each passage: it was trained and measured with them.\n"
    ) in card
    assert ", scale 1.0, by dot product |" in card
    assert "Plain `encode`" not in card
    metadata["model"] |= {"default_prompt_name": "other"}
    assert 'Plain `encode` puts "x" before any text: do not use it.' in render_card(metadata)


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
    card: Any = ModelCard(render_card(make_metadata("forklift", name)))
    configs = {result.dataset_config for result in card.data.eval_results}
    assert " ".join(name.split()) in configs
    rows = [line for line in card.text.splitlines() if as_text(name) in line and "| 30 |" in line]
    # Recall@5, MRR, nDCG@10, Recall@5 of BM25, then the metrics without intervals.
    assert [row.replace("\\|", "").count("|") for row in rows] == [7, 8, 8, 4, 7]
    assert "<script>" not in card.text


@pytest.mark.parametrize("name", [*HOSTILE, "```\n# heading"])
def test_a_hostile_file_name_stays_within_its_block_of_code(name: str) -> None:
    facts = make_metadata()
    facts["training"]["command"][1] = name
    text = render_card(facts)
    block = text[text.index("accelerate launch") :].split("\n<details>")[0].rstrip().splitlines()
    fence = block[-1]
    assert set(fence) == {"`"}
    assert not any(line.startswith(fence) for line in block[:-1])


def test_the_verdict_stands_before_everything_else() -> None:
    text = render_card(make_metadata())
    assert (
        "**tuned is better than base in Recall@5 and MRR.**\n\n"
        "| Recall@5 | queries | base | tuned | difference to base | |\n"
        "|---|--:|---|---|---|---|\n"
        "| **all queries** | 60 | 0.6667 [0.550, 0.783] | 1.0000 [0.940, 1.000] | "
        "+0.3333 [+0.217, +0.450] | better, p &lt;0.001 |\n"
    ) in text
    assert "| mean of the domains | | 0.6667 | 1.0000 | | |\n\n![Recall@5 by domain" in text
    assert "| +0.3333 [+0.217, +0.450] | better, p &lt;0.001 |" in text
    assert "- Recall@5: better in 1 of 2 domains: forklift." in text
    assert "- Recall@5: not distinguishable in 1 of 2 domains: vehicle\\_civilian." in text
    order = [
        "## Is it",
        "gates passed",
        "## Load it",
        "## Gates",
        "## More metrics",
        "## Data",
        "## Limits",
    ]
    assert [text.index(heading) for heading in order] == sorted(map(text.index, order))


def test_a_failed_gate_stands_as_failed() -> None:
    text = render_card(make_metadata(speed=None))
    asked = "One query must take less than 10 ms on the CPU, at the median \\(not measured\\)"
    assert f"- **6 of 7 gates passed. Failed: {asked}.**" in text
    assert f"- **FAILED**: {asked}\n" in text
    assert "latency" not in text.split("---\n")[2]
    assert "Not measured." in text


def test_the_card_says_whether_its_queries_chose_the_checkpoint() -> None:
    assert "The same queries chose the checkpoint" in render_card(make_metadata())
    assert "chose the checkpoint" not in render_card(make_metadata(chose_checkpoint=False))


def test_a_leaking_split_is_named_as_one() -> None:
    facts = make_metadata()
    facts["data"]["split"]["shared_passages"] = 3
    text = render_card(facts)
    assert "The given split leaks: 3 of their texts were trained on." in text
    assert "No query of these was trained on" not in text
    assert "The parts of the split share 3 positives and 0 queries." in text


def test_a_model_that_is_its_own_base_says_so() -> None:
    assert "base is the base model: there is nothing to compare it with." in render_card(
        make_metadata(model="base")
    )


def test_the_checks_of_the_data_and_the_command_stand_in_the_card() -> None:
    text = render_card(make_metadata())
    assert "- empty queries: 12\n" in text
    assert "accelerate launch training/train.py --data-file pairs.jsonl --epochs 5" in text


def test_a_missing_fact_is_an_error() -> None:
    facts = make_metadata()
    del facts["training"]["schedule"]
    message = r"^metadata\.json: training\.schedule: field required; train the model again$"
    with pytest.raises(UserError, match=message):
        render_card(facts)


def test_a_card_that_quotes_training_data_is_not_written(
    write_pairs: MakePairs, tmp_path: Path
) -> None:
    sentence = "Charge  the battery. Check\tthe coupling of it"
    pairs = load_pairs(write_pairs([make_row(1, "hvac", positive=sentence)]))
    write_card(make_metadata(), pairs, tmp_path)
    (tmp_path / "README.md").unlink()
    facts = make_metadata()
    facts["training"]["command"] = ["--data-file", "Check the coupling of it.jsonl"]
    with pytest.raises(UserError, match="would quote the training data"):
        write_card(facts, pairs, tmp_path)
    assert not (tmp_path / "README.md").exists()


CARD = render_card(make_metadata())
OWN_WORDS = [
    "pump runs but nothing moves",
    "Texts longer than 256 tokens are truncated.",
    *[line for line in CARD.splitlines() if len(line.split()) > 6 and "|" not in line][::3],
]


@pytest.mark.parametrize("words", OWN_WORDS)
def test_a_query_with_the_cards_own_words_is_no_quotation(
    words: str, write_pairs: MakePairs, tmp_path: Path
) -> None:
    pairs = load_pairs(write_pairs([make_row(1, "hvac", query=words, positive=f"{words} or so")]))
    write_card(make_metadata(), pairs, tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == CARD


def test_the_header_is_yaml_that_reads_back_the_same() -> None:
    text = render_card(make_metadata("a: b", "forklift"))
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["model-index"][0]["name"] == "nic-embeddings-v1.0"


def test_the_card_is_the_same_from_the_metadata_that_was_written() -> None:
    metadata = make_metadata()
    assert render_card(json.loads(json.dumps(metadata))) == render_card(metadata)


RELEASE = {"problem": "1 of its 7 gates failed: <b>mrr</b>", "reason": "pilot\n# no heading"}


def test_a_release_note_stands_under_the_heading_as_text() -> None:
    lines = render_card({**make_metadata(), "release": RELEASE}).splitlines()
    place = lines.index("# nic-embeddings-v1.0")
    assert lines[place + 1 : place + 4] == [
        "",
        "> **Published although 1 of its 7 gates failed: &lt;b&gt;mrr&lt;/b&gt;.** Reason given: "
        "pilot \\# no heading",
        "",
    ]
    assert lines[place + 4].startswith("Finds the passage that answers a query.")


def test_the_table_of_variants_stands_before_the_data() -> None:
    card = render_card({**make_metadata(), "variants": VARIANTS})
    assert card.count("## Small and fast variants\n\n10 held-out queries against 20 passages") == 1
    assert card.index("## Speed\n") < card.index("## Small and fast variants\n")
    assert card.index("| int8 |") < card.index("\n\n## Data\n")


@pytest.mark.parametrize("endpoint", [None, "https://hub.example/"])
def test_a_published_card_loads_the_published_version(endpoint: str | None) -> None:
    publication = {"repo_id": "org/nic", "tag": "v1.0", "endpoint": endpoint}
    card = render_card({**make_metadata(), "publication": publication})
    assert 'model = SentenceTransformer("org/nic", revision="v1.0")' in card
    assert "path/to" not in card
    assert ("## Load it\n\nFrom <https://hub.example/org/nic>. Set" in card) == bool(endpoint)


def test_the_publishers_licence_and_languages_stand_in_header_and_text() -> None:
    stated = {"license": "cc-by-4.0", "language": ["en", "no"], "license_files": ["LICENSE"]}
    card = render_card({**make_metadata(), **stated})
    header = yaml.safe_load(card.split("---\n")[1])
    assert (header["license"], header["language"]) == ("cc-by-4.0", ["en", "no"])
    assert "- Licence: cc-by-4.0. Its text: LICENSE.\n- Language: en, no.\n" in card


def test_what_is_not_stated_is_not_claimed() -> None:
    base = {"name": "house-model", "origin": "a local folder", "weights_sha256": "00" * 32}
    card = render_card({**make_metadata(), "base_model": base})
    header = yaml.safe_load(card.split("---\n")[1])
    assert not {"license", "language", "base_model"} & set(header)
    assert (
        "- Licence: not stated by the publisher.\n- Language: not stated by the publisher.\n"
        "- Base model: house-model; licence: not stated; language: not stated.\n"
    ) in card


@pytest.mark.parametrize(
    ("language", "stated"), [(None, ["de", "fr"]), ("fr", ["de", "fr"]), ("hi", None)]
)
def test_the_terms_of_the_base_are_those_of_the_card_where_they_fit_the_data(
    language: str | None, stated: list[str] | None
) -> None:
    facts = make_metadata()
    facts["base_model"] |= {"name": "org/base", "license": "mit", "language": ["de", "fr"]}
    facts["data"]["language"] = language
    card = render_card(facts)
    header = yaml.safe_load(card.split("---\n")[1])
    assert (header["license"], header.get("language")) == ("mit", stated)
    assert "- Licence: mit, that of the base model.\n" in card
    inherited = "de, fr, that of the base model" if stated else "not stated by the publisher"
    assert (
        f"- Language: {inherited}.\n- Base model: org/base; licence: mit; language: de, fr." in card
    )


def test_a_licence_by_name_of_the_base_is_given_as_hubs_take_it() -> None:
    facts = make_metadata()
    house = {"name": "org/base", "license": "other", "license_name": "house"}
    card = render_card({**facts, "base_model": facts["base_model"] | house})
    header = yaml.safe_load(card.split("---\n")[1])
    assert (header["license"], header["license_name"]) == ("other", "house")
    assert "- Licence: house, that of the base model.\n" in card


def test_held_out_passages_that_are_training_negatives_are_counted() -> None:
    facts = make_metadata()
    counted = {"validation_passages": 44, "validation_positives_among_train_negatives": 41}
    facts["data"]["split"] |= counted
    assert (
        "No query of these was trained on, and no passage of theirs as an answer; 41 of 44 were "
        "trained on as wrong answers (negatives).\n"
    ) in render_card(facts)
    assert "as wrong answers (negatives) some may have been" in render_card(make_metadata())


def test_nothing_is_said_that_holds_for_another_model_alone() -> None:
    facts = make_metadata()
    facts["model"] |= {"max_seq_length": None, "similarity": "dot", "embedding_dimension": 7}
    facts["training"]["loss"] = "TripletLoss"
    facts["data"]["check"]["findings"] = {}
    card = render_card(facts)
    assert (
        "It maps a text of any length to 7 dimensions; compare embeddings by dot product\n" in card
    )
    assert "truncated" not in card
    assert "EMNLP 2019.\n" in card
    assert "The data were not checked." in card
    assert not re.search("manual|English|cosine sim|private|None", card)
    assert "on 900 of 1,000 (query, positive, negative) triplets from 2 domains: " in card


def test_one_domain_has_no_lowest_one() -> None:
    facts = make_metadata()
    for report_ in facts["metrics"].values():
        if isinstance(report_, dict):
            report_["domains"].pop("vehicle_civilian")
    del facts["data"]["split"]["domains"]["vehicle_civilian"]
    card = render_card(facts)
    assert "from 1 domain: forklift.\n" in card
    assert "lowest" not in card
    tied = render_card(make_metadata())
    assert "was 0.333 (forklift) before and is 1.000 (forklift and vehicle\\_civilian) now." in tied


def test_long_tables_are_folded_and_every_fold_is_closed() -> None:
    body = render_card(make_metadata()).split("## Load it")
    assert "<details>" not in body[0]
    folds = re.findall(r"<details>\n<summary>(.*)</summary>\n\n", body[1])
    assert folds == [
        "MRR by domain",
        "nDCG@10 by domain",
        "Recall@5 of BM25",
        "Recall@1, Recall@10",
        "Plots",
        "Pairs by domain",
        "Settings and versions",
    ]
    assert body[1].count("\n\n</details>\n\n") == len(folds)
    recall_of_forklift = "0.3333 [0.167, 0.533] | 1.0000 [0.884, 1.000]"
    assert (body[0] + body[1]).count(recall_of_forklift) == 1


def with_domains(domains: list[str]) -> dict[str, Any]:
    """Two queries a domain."""
    ranks = {name: {domain: [1, 2] for domain in domains} for name in (MODEL, BASE)}
    summary = summary_of(results_of(ranks))
    facts = make_metadata()
    facts["evaluation"] = describe_evaluation(summary)
    facts["metrics"] = describe_metrics(summary)
    return facts


def test_of_many_domains_the_first_table_holds_the_means_alone() -> None:
    facts = with_domains([f"d{n}" for n in range(20)])
    first = render_card(facts).split("## Is it better?")[1].split("<details>")
    assert "| d7 |" not in first[0]
    assert "| **all queries** | 40 |" in first[0]
    assert first[1].startswith("\n<summary>Recall@5 by domain</summary>\n\n| Recall@5 | queries |")
    assert first[1].count("\n| d") == 20


def test_of_hundreds_of_domains_a_card_lists_the_largest_and_the_worst() -> None:
    domains = [f"d{n:03d}" for n in range(200)]
    facts = with_domains(domains)
    facts["data"]["split"]["domains"] = {name: {"train": 9, "val": 1} for name in domains}
    card = render_card(facts)
    assert card.count("and 170 domains more, which `metadata.json` has") >= 3
    assert len(set(re.findall(r"\bd\d{3}\b", card))) <= 2 * 30


def with_fusion(language: str | None) -> dict[str, Any]:
    """A model that BM25 makes better."""
    found = make_evaluation().per_query
    ranks = {"tuned": found["base"], "base": found["base"], "BM25 + tuned": found["tuned"]}
    facts = make_metadata(per_query=ranks)
    facts["data"]["language"] = language
    return facts


def test_bm25_that_helps_is_a_headline_with_an_example_that_runs(
    tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = render_card(with_fusion("en"))
    assert "- **BM25 \\+ tuned is better than tuned alone in Recall@5 and MRR (Recall@5 " in card
    section = card.split("## Search with BM25 too\n")[1].split("## Gates")[0]
    code = section.split("```python\n")[1].split("```")[0]
    exec(code.replace("path/to/this/folder", str(tiny_model_folder)), {})  # noqa: S102
    assert capsys.readouterr().out.startswith("['Replace relay K4.', ")


def test_without_a_stemmer_the_way_is_told_without_the_example() -> None:
    section = render_card(with_fusion("th")).split("## Search with BM25 too\n")[1].split("## Ga")[0]
    assert "add 1 / (60 + rank) of the two" in section
    assert "```" not in section


def test_bm25_that_does_not_help_is_told_and_not_recommended() -> None:
    found = make_evaluation().per_query
    card = render_card(make_metadata(per_query={**found, "BM25 + tuned": found["base"]}))
    assert "- BM25 \\+ tuned is worse than tuned alone in Recall@5 and MRR (" in card
    assert "## Search with BM25 too" not in card


def test_a_part_of_another_type_is_an_error_that_names_it() -> None:
    facts = make_metadata()
    facts["gates"]["gates"] = 3
    with pytest.raises(
        UserError, match=r"^metadata\.json: gates\.gates: input should be a valid list; train"
    ):
        render_card(facts)


def test_a_model_that_was_measured_before_a_metric_was_added_has_a_card_without_it() -> None:
    metadata = make_metadata()
    for model in ("base", "tuned"):
        report = metadata["metrics"][model]
        for metrics in (report["overall"], report["macro"], *report["domains"].values()):
            del metrics["ndcg@10"]
    for group in metadata["evaluation"]["comparison"]["groups"].values():
        for found in (*group["estimates"].values(), *group["differences"].values()):
            del found["ndcg@10"]
    card = render_card(metadata)
    assert "nDCG@10" not in card
    assert "| Recall@5 | queries |" in card


def test_the_plots_of_an_earlier_version_are_shown_from_their_folder() -> None:
    assert "](plots/recall_at_5.png)" in render_card(make_metadata())
    earlier = {**make_metadata(), "files": {"figures/recall_at_5.png": "00" * 32}}
    assert "](figures/recall_at_5.png)" in render_card(earlier)


def test_the_sentences_of_the_evaluation_are_those_of_a_report() -> None:
    metadata = make_metadata()
    evaluation = read_card_facts(metadata).evaluation
    card = render_card(metadata)
    assert report.corpus_sentence(evaluation) in card
    assert report.forgetting_sentence(evaluation, as_text) in card
    # The first metric is the table above.
    for sentence in report.metric_sentences(evaluation)[1:]:
        assert f"- {sentence}\n" in card

"""The pipeline on the tiny model: what it leaves, what it says, and going on after a stop."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_runs import GIVEN_NEGATIVES
from transformers import TrainerCallback

from evaluation.collect import metadata_fact
from evaluation.retrieval.evaluator import (
    DomainRetrievalEvaluator,
    aggregate_metrics,
    embed_task,
)
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.task import retrieval_task
from evaluation.summary import EvaluationSummary
from model_card.card.metadata import describe_evaluation, describe_metrics
from nic.errors import Interrupted, UserError
from nic.logs import open_run_log
from pairs.loading import load_pairs
from pairs.split_file import load_split
from training import fitting, pipeline
from training.command.arguments import TrainingArguments
from training.command.parser import parse_arguments
from training.command.run_arguments import RunArguments
from training.loop.checkpoints import EVALUATION, load_best
from training.loop.interruption import Interruption
from training.loop.losses import build_loss
from training.loop.reporters import Reporters
from training.loop.trainer import build_trainer, set_dropout
from training.output.manifest import owned_names
from training.output.run_lock import hold_output_folder
from training.training_rows import training_rows

# `finished` is made before this fixture, with plots and page.
pytestmark = pytest.mark.usefixtures("no_pictures")

EVALUATED = "eval_validation_mrr"
MODEL_FILES = {
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
    "2_Normalize/config.json",
}


def arguments(
    model: Path, data: Path, output: Path, *more: str
) -> tuple[RunArguments, TrainingArguments]:
    given = ["--base-model", str(model), "--data-file", str(data), "--output-dir", str(output)]
    given += ["--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"]
    given += ["--logging_steps", "1", "--val-ratio", "0.2", "--freeze-layers", "2"]
    given += ["--probe", "none", "--no-speed", "--precision", "fp32", "--mix", "off"]
    given += ["--lr_scheduler_type", "cosine_with_restarts", *GIVEN_NEGATIVES, *more]
    return parse_arguments(given)


def run(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary | None:
    with open_run_log(main_process=True) as log:
        return pipeline.train(*arguments(model, data, output, *more), log, Reporters())


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Path:
    """The output folder of a finished run of two epochs; never write into it."""
    from conftest import make_row

    folder = tmp_path_factory.mktemp("run")
    domains = ("forklift", "vehicle_civilian")
    rows = [make_row(n, domains[n % 2]) for n in range(40)]
    data = folder / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run(tiny_model_folder, data, folder / "out")
    return folder / "out"


def test_the_output_folder_holds_exactly_what_is_promised(finished: Path) -> None:
    files = {p.relative_to(finished).as_posix() for p in finished.rglob("*") if p.is_file()}
    in_root = {f for f in files if not f.startswith("checkpoint-")}
    ours = {"README.md", "metadata.json", "nic-run.json", "training.log", "split.json"}
    plots = {"plots/recall_at_5.png", "plots/mrr.png", "plots/rank_change.png"}
    assert in_root == MODEL_FILES | ours | plots | {"plots/training_curve.png"}
    folders = {p.name for p in finished.iterdir() if p.name.startswith("checkpoint-")}
    assert folders == {"checkpoint-best", "checkpoint-epoch-1", "checkpoint-epoch-2"}
    best = {f.removeprefix("checkpoint-best/") for f in files if f.startswith("checkpoint-best/")}
    assert best == MODEL_FILES | {EVALUATION}


@pytest.mark.parametrize(
    "name", ["", "checkpoint-best", "checkpoint-epoch-1", "checkpoint-epoch-2"]
)
def test_the_root_and_every_checkpoint_load(finished: Path, name: str) -> None:
    model = SentenceTransformer(str(finished / name), device="cpu")
    assert model.encode("why is the pump noisy").shape == (32,)


def test_the_root_is_the_best_checkpoint(finished: Path) -> None:
    assert same_weights(finished, finished / "checkpoint-best")


def test_frozen_weights_equal_the_base_models_and_free_ones_do_not(
    finished: Path, tiny_model_folder: Path
) -> None:
    before, after = weights(tiny_model_folder), weights(finished)
    frozen = re.compile(r"embeddings\.|pooler\.|encoder\.layer\.[01]\.")
    for name in before:
        assert torch.equal(before[name], after[name]) == bool(frozen.match(name)), name


def test_the_log_carries_the_runbooks_lines_in_order(finished: Path) -> None:
    log = (finished / "training.log").read_text(encoding="utf-8")
    lines = [
        r"\[INFO\] Random seed set to 42",
        r"\[INFO\] Loaded 40 training pairs from .*pairs\.jsonl",
        r"\[INFO\] Train/Val split: 32/8 \(20\.0% val\)",
        r"\[INFO\] Initialized MultipleNegativesRankingLoss",
        r"\[INFO\] Froze bottom 2/4 transformer layers",
        r"\[INFO\] Trainable params: [\d,]+ / [\d,]+",
        r"\[INFO\] Base model: Recall@5=\d\.\d{4}, MRR=\d\.\d{4}",
        r"\[INFO\] Starting training:",
        r"\[INFO\]   Epochs: 2",
        r"\[INFO\]   Batch size: 8",
        r"\[INFO\]   Learning rate: 0\.001",
        r"\[INFO\] Epoch 1/2, Batch 1, Loss: \d+\.\d{4}, LR: 1\.00e-03",
        r"\[INFO\] Epoch 1/2, Batch 4, Loss: ",
        r"\[INFO\] ={60}",
        r"\[INFO\] Validation \(Epoch 1, Steps 4\)",
        r"\[INFO\]   forklift            : Recall@5=\d\.\d{4}, MRR=\d\.\d{4} \(4 pairs\)",
        r"\[INFO\]   vehicle_civilian    : Recall@5=",
        r"\[INFO\] Saved best model to .*/checkpoint-best",
        r"\[INFO\] Epoch 2/2, Batch 1, Loss: ",
        r"\[INFO\] Validation \(Epoch 2, Steps 8\)",
        r"\[INFO\] Recall@5 with 95 % intervals",
        r"\[INFO\] overall +8  \d\.\d{4} \[\d\.\d{3}, \d\.\d{3}\]",
        r"\[INFO\] out against tiny-base",
        r"\[INFO\] 8 queries in 8 independent groups, each ranked against 80 passages\. The",
        r"\[INFO\] Gates: \d of 7 passed",
        r"\[INFO\] Model saved to .*/out",
        r'\[INFO\] Load it with SentenceTransformer\(".*/out"\)',
    ]
    position = 0
    for line in lines:
        found = re.compile(f"^{line}", re.MULTILINE).search(log, position)
        assert found, f"{line} not after position {position} of\n{log}"
        position = found.end()


def test_the_metadata_says_all_that_a_reader_needs(finished: Path) -> None:
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    assert list(metadata) == [
        "model",
        "license",
        "language",
        "license_files",
        "base_model",
        "data",
        "training",
        "metrics",
        "evaluation",
        "gates",
        "figures",
        "environment",
        "files",
    ]
    assert (metadata["license"], metadata["language"]) == (None, [])
    assert metadata["base_model"]["license"] is None
    assert metadata["gates"]["passed"] is False
    groups = metadata["evaluation"]["comparison"]["groups"]
    assert set(groups) == {"overall", "forklift", "vehicle_civilian"}
    assert set(groups["overall"]["differences"]) == {
        "out",
        "BM25",
        "BM25 + out",
        "BM25 + tiny-base",
    }
    assert metadata["evaluation"]["chose_checkpoint"] is True
    assert metadata["figures"] == [
        "recall_at_5.png",
        "mrr.png",
        "rank_change.png",
        "training_curve.png",
    ]
    assert set(metadata["metrics"]) == {"base", "tuned", "corpus_size"}
    figures = {"recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "map@100", "queries"}
    for model in ("base", "tuned"):
        report = metadata["metrics"][model]
        assert set(report) == {"overall", "macro", "worst", "domains"}
        assert set(report["overall"]) == set(report["macro"]) == figures
        assert set(report["worst"]) == figures | {"domain"}
        assert set(report["domains"]) == {"forklift", "vehicle_civilian"}
    assert metadata["data"]["split"]["shared_passages"] == 0
    assert metadata["data"]["check"]["leakage"]["by passage"]["same_positive"] == 0
    freezing = metadata["training"]["freezing"]
    assert (freezing["asked"], freezing["frozen_layers"], freezing["layers"]) == (2, 2, 4)
    plots_drawn = {f"plots/{name}" for name in metadata["figures"]}
    assert set(metadata["files"]) == MODEL_FILES | {"README.md"} | plots_drawn
    assert "torch" in metadata["environment"]["packages"]
    assert str(finished.parent) not in json.dumps(metadata)


def test_the_saved_model_scores_what_the_metadata_says(
    finished: Path, tiny_model_folder: Path
) -> None:
    from evaluation.arguments import parse_arguments as parse
    from evaluation.pipeline import evaluate_models as evaluate

    data = str(finished.parent / "pairs.jsonl")
    given = ["--model", str(finished), "--base", str(tiny_model_folder), "--data-file", data]
    summary = evaluate(parse([*given, "--device", "cpu", "--probe", "none", "--no-speed"]))
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    assert summary is not None
    assert json.loads(json.dumps(describe_metrics(summary))) == metadata["metrics"]
    again = json.loads(json.dumps(describe_evaluation(summary)))
    assert again == metadata["evaluation"]


def test_the_evaluation_stands_beside_the_model_for_it_quotes_the_data(finished: Path) -> None:
    folder = finished.with_name("out-evaluation")
    names = {path.name for path in folder.iterdir()}
    assert names == {"results.json", "per_query.jsonl", "report.html", "plots"}
    in_model = [path for path in finished.rglob("*") if path.suffix in (".html", ".jsonl")]
    assert in_model == []
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    assert content["comparison"] == metadata["evaluation"]["comparison"]


def test_with_a_test_part_the_report_asks_queries_that_chose_nothing(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    more = ("--test-ratio", "0.2", "--epochs", "1")
    summary = run(tiny_model_folder, two_domains, tmp_path / "out", *more)
    assert summary is not None
    split = json.loads((tmp_path / "out" / "split.json").read_text(encoding="utf-8"))
    asked = {int(row.query_id[1:]) for row in summary.results.per_query["out"]}
    assert asked == set(split["test_lines"])
    assert not asked & set(split["validation_lines"])
    assert summary.results.chose_checkpoint is False
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "chose the checkpoint" not in card
    assert "| domain | train pairs | validation pairs | test pairs |" in card


def test_a_smaller_corpus_while_training_is_said_and_the_report_takes_the_whole(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    more = ("--eval-corpus-limit", "20", "--epochs", "1")
    summary = run(tiny_model_folder, two_domains, tmp_path / "out", *more)
    assert summary is not None
    assert summary.results.task.passages == 80
    log = (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    assert "Validation ranks against 20 of 80 passages: the relevant ones and a sample" in log


def test_the_command_in_the_metadata_repeats_the_training(finished: Path) -> None:
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    command = metadata["training"]["command"]
    assert command[command.index("--learning-rate") + 1] == "0.001"
    assert "--seed" not in command
    _, again = parse_arguments([*command, "--output-dir", "x", "--device", "cpu"])
    assert again.num_train_epochs == 2
    assert again.per_device_train_batch_size == 8


def test_one_seed_gives_identical_weights_and_another_does_not(
    finished: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(tiny_model_folder, two_domains, tmp_path / "again")
    assert same_weights(tmp_path / "again" / "checkpoint-epoch-2", finished / "checkpoint-epoch-2")
    run(tiny_model_folder, two_domains, tmp_path / "other", "--seed", "7")
    assert not same_weights(
        tmp_path / "other" / "checkpoint-epoch-2", finished / "checkpoint-epoch-2"
    )


def test_the_kept_outputs_of_frozen_layers_change_the_weights_by_rounding_alone(
    finished: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(tiny_model_folder, two_domains, tmp_path / "out", "--frozen-cache-gb", "0")
    plain = weights(tmp_path / "out" / "checkpoint-epoch-2")
    for name, tensor in weights(finished / "checkpoint-epoch-2").items():
        torch.testing.assert_close(tensor, plain[name], rtol=0, atol=1e-4)


def test_a_run_in_bf16_keeps_weights_in_fp32_and_reports_what_users_load(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(tiny_model_folder, two_domains, tmp_path / "out", "--precision", "bf16")
    assert {tensor.dtype for tensor in weights(tmp_path / "out").values()} == {torch.float32}
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    asked, command = metadata["training"]["asked"], metadata["training"]["command"]
    assert asked["precision"] == command[command.index("--precision") + 1] == "bf16"
    assert "  Precision: bf16" in (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    pairs = load_pairs(two_domains)
    split = load_split(tmp_path / "out" / "split.json", pairs)
    task = retrieval_task(pairs, split.validation)
    plain = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    expected = aggregate_metrics(score_task(embed_task(plain, task), task))
    assert metadata["metrics"]["tuned"]["overall"] == pytest.approx(expected.overall)


def test_bf16_ends_near_fp32(
    finished: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(tiny_model_folder, two_domains, tmp_path / "out", "--precision", "bf16")
    plain = weights(finished / "checkpoint-epoch-2")
    for name, tensor in weights(tmp_path / "out" / "checkpoint-epoch-2").items():
        torch.testing.assert_close(tensor, plain[name], rtol=0, atol=2e-2)


def test_dropout_is_off_unless_asked_for_and_the_saved_configuration_keeps_its_own(
    tiny_model: SentenceTransformer, finished: Path
) -> None:
    texts = tiny_model.preprocess(["pump noisy", "the belt is loose"])
    tiny_model.train()
    outputs = {}
    for probability in (0.0, 0.5):
        set_dropout(tiny_model, probability)
        first, second = (tiny_model(dict(texts))["sentence_embedding"] for _ in range(2))
        outputs[probability] = torch.equal(first, second)
    assert outputs == {0.0: True, 0.5: False}
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["training"]["asked"]["dropout"] == 0.0
    config = json.loads((finished / "config.json").read_text(encoding="utf-8"))
    assert config["hidden_dropout_prob"] == 0.1


def test_only_the_three_text_columns_reach_the_collator_in_this_order(
    tiny_model: SentenceTransformer, two_domains: Path, tmp_path: Path
) -> None:
    pairs = load_pairs(two_domains)
    run_arguments, arguments_ = parse_arguments(["--output-dir", str(tmp_path), "--device", "cpu"])
    evaluator = DomainRetrievalEvaluator(retrieval_task(pairs, [0]))
    rows = training_rows(pairs.dataset, list(range(40)))
    loss = build_loss(tiny_model, run_arguments.loss, vars(run_arguments))
    trainer = build_trainer(tiny_model, arguments_, rows, loss, evaluator, [])
    seen: list[list[str]] = []
    tokenize = trainer.data_collator.preprocess_fn

    def spy(texts: list[str], **kwargs: Any) -> Any:
        seen.append(texts)
        return tokenize(texts, **kwargs)

    trainer.data_collator.preprocess_fn = spy
    batch = next(iter(trainer.get_train_dataloader()))
    assert [len(texts) for texts in seen] == [32, 32, 32]
    for texts, column in zip(seen, ("query", "positive", "negative"), strict=True):
        assert set(texts) <= set(pairs.column(column))
    assert {key.split("_")[0] for key in batch} == {"query", "positive", "negative"}


def test_the_schedule_of_the_trainer_restarts_every_epoch_and_others_are_its_own(
    finished: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    def rates(folder: Path) -> list[str]:
        log = (folder / "training.log").read_text(encoding="utf-8")
        return re.findall(r"LR: (\S+)", log)

    # cos at 0, 1/4, 1/2, 3/4 of an epoch of four steps, from 1e-3 to 1e-6: 1/2 is 5.005e-4.
    assert rates(finished) == ["1.00e-03", "8.54e-04", "5.01e-04", "1.47e-04"] * 2
    more = ("--lr_scheduler_type", "linear", "--epochs", "1")
    run(tiny_model_folder, two_domains, tmp_path / "out", *more)
    assert rates(tmp_path / "out") == ["1.00e-03", "7.50e-04", "5.00e-04", "2.50e-04"]


def test_the_cached_loss_trains_too(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    more = ("--loss", "cached_mnrl", "--mini-batch-size", "4", "--epochs", "1")
    run(tiny_model_folder, two_domains, tmp_path / "out", *more)
    log = (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    assert "Initialized CachedMultipleNegativesRankingLoss" in log


def test_a_folder_that_holds_a_model_is_refused_and_untouched_unless_forced(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    run(tiny_model_folder, two_domains, output, "--epochs", "1")
    (output / "my-notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(p.as_posix() for p in output.rglob("*"))
    with pytest.raises(UserError, match="already holds a model.*--resume.*--force"):
        run(tiny_model_folder, two_domains, output)
    assert sorted(p.as_posix() for p in output.rglob("*")) == before
    run(tiny_model_folder, two_domains, output, "--epochs", "1", "--force")
    assert (output / "my-notes.txt").read_text(encoding="utf-8") == "mine"
    assert not (output / "checkpoint-epoch-2").exists()


def test_the_record_of_a_run_lists_each_file_in_its_folder(finished: Path) -> None:
    owned = owned_names(finished)
    files = [p.relative_to(finished).as_posix() for p in finished.rglob("*") if p.is_file()]
    missing = [f for f in files if f not in owned and f"{f.split('/')[0]}/" not in owned]
    assert missing == []


def test_the_base_model_is_no_output_folder(
    tiny_copy: Path, two_domains: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in tiny_copy.rglob("*") if path.is_file()}
    for flag in ("--force", "--resume"):
        with pytest.raises(UserError, match="--base-model .*tiny: the run writes to .*tiny"):
            run(tiny_copy, two_domains, tmp_path / "elsewhere" / ".." / "tiny", flag)
    assert {p: p.read_bytes() for p in tiny_copy.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["README.md", "plots/mine.png", "1_Pooling/notes.txt"])
def test_a_users_file_that_a_run_would_replace_is_kept_and_refused_in_a_folder_without_model(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, name: str
) -> None:
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    for flag in ([], ["--force"]):
        with pytest.raises(UserError, match=f"{name}: no training wrote it.*--output-dir"):
            run(tiny_model_folder, two_domains, tmp_path / "out", *flag)
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert [(file, file.read_text(encoding="utf-8")) for file in files] == [(mine, "mine")]


def test_data_under_a_name_that_the_run_writes_is_refused_and_kept(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    data = two_domains.rename(tmp_path / "out" / "metadata.json")
    content = data.read_bytes()
    with pytest.raises(UserError, match="--data-file .*metadata.json: the run writes to"):
        run(tiny_model_folder, data, tmp_path / "out")
    assert data.read_bytes() == content
    kept = data.rename(tmp_path / "out" / "pairs.jsonl")
    run(tiny_model_folder, kept, tmp_path / "out", "--epochs", "1")
    assert kept.read_bytes() == content


def test_bad_data_leaves_no_output_folder(tiny_model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(UserError, match="bad.jsonl:1"):
        run(tiny_model_folder, tmp_path / "bad.jsonl", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fewer_pairs_than_a_batch_is_an_error_that_says_so(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="32 training pairs do not fill one batch of 64"):
        run(tiny_model_folder, two_domains, tmp_path / "out", "--batch-size", "64")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_is_one_line(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"no folder can be made in .*file \(Not a directory\)"):
        run(tiny_model_folder, two_domains, tmp_path / "file" / "out")
    with pytest.raises(UserError, match="file: is a file; give a folder"):
        run(tiny_model_folder, two_domains, tmp_path / "file")


def test_only_the_newest_epoch_checkpoints_are_kept_where_asked(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(
        tiny_model_folder, two_domains, tmp_path / "out", "--epochs", "3", "--keep-checkpoints", "1"
    )
    folders = {p.name for p in (tmp_path / "out").glob("checkpoint-*")}
    assert folders == {"checkpoint-best", "checkpoint-epoch-3"}


def test_evaluations_run_between_epochs_and_not_twice_at_their_end(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run(tiny_model_folder, two_domains, tmp_path / "out", "--eval-steps", "2")
    log = (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    assert re.findall(r"Validation \(Epoch (\d), Steps (\d)\)", log) == [
        ("1", "2"),
        ("1", "4"),
        ("2", "6"),
        ("2", "8"),
    ]


def test_patience_ends_a_training_that_gets_no_better(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    more = ("--patience", "2", "--epochs", "9", "--learning-rate", "1e-9", "--eval-steps", "1")
    run(tiny_model_folder, two_domains, tmp_path / "out", *more)
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["training"]["steps"] == 3
    assert metadata["training"]["best_step"] == 1
    log = (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    assert "Stopping early: 2 evaluations without a better one" in log
    assert not list((tmp_path / "out").glob("checkpoint-[0-9]*"))


class SignalAtEvaluation(TrainerCallback):
    """Sends this process a SIGTERM while the evaluation at a given step runs."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Send it."""
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_during_the_evaluation_at_the_very_last_step_loses_nothing(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = fitting.build_trainer

    def with_signal(*args: Any) -> Any:
        trainer = build(*args)
        trainer.add_callback(SignalAtEvaluation(8))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", with_signal)
        with pytest.raises(Interrupted, match="after step 8 of 8"):
            run(tiny_model_folder, two_domains, tmp_path / "out", "--eval-steps", "2")
    run(tiny_model_folder, two_domains, tmp_path / "out", "--eval-steps", "2", "--resume")
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["training"]["steps"] == 8


class SignalAt(TrainerCallback):
    """Sends this process a signal after a given step."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Send it."""
        if state.global_step == self.step:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(("number", "step"), [(signal.SIGINT, 5), (signal.SIGTERM, 2)])
def test_a_signal_saves_the_state_and_a_resumed_run_ends_where_an_unbroken_one_does(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    step: int,
) -> None:
    unbroken, output = tmp_path / "unbroken", tmp_path / "out"
    run(tiny_model_folder, two_domains, unbroken)
    build = fitting.build_trainer

    def with_signal(*args: Any) -> Any:
        trainer = build(*args)
        trainer.add_callback(SignalAt(step, number))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", with_signal)
        with pytest.raises(Interrupted, match=f"after step {step + 1} of 8.*--resume") as stop:
            run(tiny_model_folder, two_domains, output)
    assert stop.value.signal_number == number
    assert (output / f"checkpoint-{step + 1}" / "trainer_state.json").is_file()
    assert not (output / "metadata.json").exists()
    run(tiny_model_folder, two_domains, output, "--resume")
    assert same_weights(output / "checkpoint-epoch-2", unbroken / "checkpoint-epoch-2")
    assert same_weights(output, unbroken)
    assert not (output / f"checkpoint-{step + 1}").exists()
    log = (output / "training.log").read_text(encoding="utf-8")
    assert log.count("Random seed set to 42") == 2


def test_the_second_signal_breaks_off_at_once() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("step", "more"), [(3, ()), (2, ("--eval-steps", "3"))])
def test_a_signal_at_a_step_that_is_evaluated_loses_no_evaluation(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    more: tuple[str, ...],
) -> None:
    unbroken, output = tmp_path / "unbroken", tmp_path / "out"
    run(tiny_model_folder, two_domains, unbroken, *more)
    build = fitting.build_trainer

    def with_signal(*args: Any) -> Any:
        trainer = build(*args)
        trainer.add_callback(SignalAt(step, signal.SIGTERM))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", with_signal)
        with pytest.raises(Interrupted, match=f"after step {step + 1} of 8"):
            run(tiny_model_folder, two_domains, output, *more)
    run(tiny_model_folder, two_domains, output, "--resume", *more)
    evaluated = [
        [entry["step"] for entry in training_facts(folder)["history"] if EVALUATED in entry]
        for folder in (unbroken, output)
    ]
    assert evaluated[0] == evaluated[1]
    assert step + 1 in evaluated[1]
    assert same_weights(output, unbroken)


def training_facts(folder: Path) -> dict[str, Any]:
    """The part of the metadata about the training."""
    content = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return dict(content["training"])


def test_there_has_to_be_something_to_resume(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        UserError, match="no complete checkpoint to go on from; start anew with --force"
    ):
        run(tiny_model_folder, two_domains, tmp_path / "out", "--resume")


def test_resuming_on_other_data_is_refused(
    finished: Path, tiny_model_folder: Path, two_domains: Path
) -> None:
    changed = two_domains.with_name("changed.jsonl")
    changed.write_text(two_domains.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="another file than"):
        run(tiny_model_folder, changed, finished, "--resume")


def test_resuming_with_another_base_or_batch_size_is_refused_and_changes_nothing(
    finished: Path, tiny_copy: Path, two_domains: Path
) -> None:
    other = SentenceTransformer(str(tiny_copy), device="cpu")
    with torch.no_grad():
        next(iter(other.parameters())).add_(1)
    other.save_pretrained(str(tiny_copy), create_model_card=False)
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    told = r"changed: --batch-size 8, now 4; --base-model \(other content\); give the former"
    with pytest.raises(UserError, match=told):
        run(tiny_copy, two_domains, finished, "--resume", "--batch-size", "4")
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_a_run_into_a_folder_that_another_run_holds_is_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    with hold_output_folder(tmp_path / "out"):
        with pytest.raises(UserError, match="another training writes there"):
            pipeline.fine_tune(*arguments(tiny_model_folder, two_domains, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_half_written_checkpoint_is_passed_over_when_resuming(
    finished: Path, tmp_path: Path
) -> None:
    from training.loop.checkpoints import newest_checkpoint

    (tmp_path / "checkpoint-7").mkdir()
    (tmp_path / "checkpoint-7" / "optimizer.pt").touch()
    for name in ("checkpoint-epoch-1", "checkpoint-best"):
        (tmp_path / name).symlink_to(finished / name)
    assert newest_checkpoint(tmp_path).name == "checkpoint-epoch-1"


def test_a_saved_model_that_scores_otherwise_ends_with_an_error(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote = fitting.checkpoints.promote_best

    def spoil(folder: Path) -> Any:
        best = promote(folder)
        (folder / "model.safetensors").write_bytes(
            (tiny_model_folder / "model.safetensors").read_bytes()
        )
        return best

    monkeypatch.setattr(fitting.checkpoints, "promote_best", spoil)
    with pytest.raises(UserError, match="does not score what it scored in training"):
        run(tiny_model_folder, two_domains, tmp_path / "out", "--learning-rate", "1e-2")
    assert not (tmp_path / "out" / "metadata.json").exists()


def test_the_best_checkpoint_is_the_evaluation_with_the_highest_recall_then_mrr(
    finished: Path,
) -> None:
    history = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))["training"]
    scores = [
        (entry["eval_validation_recall@5"], entry["eval_validation_mrr"], -entry["step"])
        for entry in history["history"]
        if "eval_validation_mrr" in entry and entry["step"] > 0
    ]
    best = load_best(finished)
    assert best is not None
    assert (*best.score, -best.step) == max(scores)


def test_the_history_begins_with_the_base_model_and_names_the_chosen_step(finished: Path) -> None:
    metadata = json.loads((finished / "metadata.json").read_text(encoding="utf-8"))
    first = metadata["training"]["history"][0]
    assert first["step"] == 0
    for key, value in metadata["metrics"]["base"]["overall"].items():
        assert first[f"eval_validation_{key}"] == value
    step = metadata_fact(str(finished), "training", "best_step", int)
    assert step == metadata["training"]["best_step"]
    assert step


def test_a_saved_split_is_used_again(
    finished: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    split = finished / "split.json"
    run(tiny_model_folder, two_domains, tmp_path / "o", "--seed", "9", "--split", str(split))
    assert json.loads((tmp_path / "o" / "split.json").read_text(encoding="utf-8")) == json.loads(
        split.read_text(encoding="utf-8")
    )

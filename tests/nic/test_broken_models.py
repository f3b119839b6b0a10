"""A broken model is refused in one line, by whatever loads it, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from base_families import build_family, save_encoder, tiny_bert_encoder
from conftest import write_metadata_of
from safetensors.torch import load_file, save_file

from evaluation import EvaluationArguments, evaluate_models
from model_card.package.build import build_package
from nic.errors import UserError
from nic.models import find_model, load_model
from pairs import CheckArguments, check_pairs
from training import RunArguments, TrainingArguments, fine_tune

Break = Callable[[Path], None]
Weights = dict[str, torch.Tensor]
LAYER_NORM = "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm"
LAYER = "encoder.layer.1.output.dense.weight"


def settings(file: str, **changes: Any) -> Break:
    """Changes keys of a JSON file."""

    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        (folder / file).write_text(json.dumps({**content, **changes}), encoding="utf-8")

    return change


def text(file: str, content: str) -> Break:
    """Replaces a file."""

    def write(folder: Path) -> None:
        (folder / file).write_text(content, encoding="utf-8")

    return write


def weights(change: Callable[[Weights], Weights]) -> Break:
    """Changes the weights."""

    def rewrite(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return rewrite


def cut(file: str, keep: float) -> Break:
    def shorten(folder: Path) -> None:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: int(len(content) * keep)])

    return shorten


def remove(*files: str) -> Break:
    def gone(folder: Path) -> None:
        for file in files:
            (folder / file).unlink()

    return gone


def modules(change: Callable[[list[dict[str, Any]]], Any]) -> Break:
    """Changes `modules.json`."""

    def rewrite(folder: Path) -> None:
        path = folder / "modules.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(change(content)), encoding="utf-8")

    return rewrite


def only_a_pickle(folder: Path) -> None:
    """Whoever reads this pickle leaves a file behind."""
    (folder / "model.safetensors").unlink()
    command = f"cposix\nsystem\n(Vtouch {folder.parent / 'executed'}\ntR."
    (folder / "pytorch_model.bin").write_bytes(command.encode())


def with_code(file: str, name: str) -> Break:
    """Names code in a configuration; whoever runs it leaves a file behind."""

    def add(folder: Path) -> None:
        settings(file, auto_map={name: f"evil.{name}"})(folder)
        program = f"open({str(folder.parent / 'executed')!r}, 'w')\n"
        (folder / "evil.py").write_text(program, encoding="utf-8")

    return add


def larger_vocabulary(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"]["zebra"] = 5000
    path.write_text(json.dumps(content), encoding="utf-8")


def one_shard_of_two(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {LAYER: "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


BROKEN: dict[str, tuple[Break, str]] = {
    "pickle": (only_a_pickle, "holds its weights as a pickle (pytorch_model.bin)"),
    "no weights": (remove("model.safetensors"), "holds no weights; model.safetensors is missing"),
    "empty": (cut("model.safetensors", 0), "model.safetensors is missing or damaged"),
    "truncated": (cut("model.safetensors", 0.5), "model.safetensors is missing or damaged"),
    "LFS": (
        text("model.safetensors", "version https://git-lfs.github.com/spec/v1\nsize 9\n"),
        "a pointer of Git LFS; git lfs pull fetches the file",
    ),
    "shard": (one_shard_of_two, "model-00001-of-00002.safetensors is missing or damaged"),
    "shape": (
        weights(lambda w: {**w, LAYER: torch.zeros(32, 32)}),
        f"weights of the wrong shape: {LAYER} is (32, 32), config.json needs (32, 64)",
    ),
    "some missing": (
        weights(lambda w: {k: v for k, v in w.items() if k != LAYER}),
        f"weights are missing, which would be random: {LAYER};",
    ),
    "a layer missing": (
        weights(lambda w: {k: v for k, v in w.items() if "layer.2" not in k}),
        "and 15 more; copy or download it again",
    ),
    "a layer too many": (
        settings("config.json", num_hidden_layers=3),
        "weights that config.json has no place for: encoder.layer.3.",
    ),
    "unknown weights": (
        weights(lambda w: {**w, "extra.weight": torch.zeros(2)}),
        "weights that config.json has no place for: extra.weight;",
    ),
    "NaN": (weights(lambda w: {**w, LAYER: w[LAYER] * torch.nan}), "holds weights that are NaN"),
    "huge": (weights(lambda w: {**w, LAYER: w[LAYER] * 1e30}), "holds weights that are as large"),
    "vocabulary": (larger_vocabulary, "its tokenizer has 5,001 tokens and its embedding table"),
    "no tokenizer": (
        remove("tokenizer.json", "tokenizer_config.json"),
        "its tokenizer has no vocabulary",
    ),
    "damaged tokenizer": (cut("tokenizer.json", 0.5), "tiny: holds no loadable"),
    "no pooling": (modules(lambda m: m[:1]), "modules.json lists no Pooling"),
    "pooling of no name": (
        settings("1_Pooling/config.json", pooling_mode="median"),
        "Invalid pooling mode: 'median'",
    ),
    "pooling of another width": (
        settings("1_Pooling/config.json", embedding_dimension=64),
        "gives embeddings of 32 numbers where its configuration says 64",
    ),
    "damaged pooling": (text("1_Pooling/config.json", "{"), "1_Pooling/config.json cannot be read"),
    "pooling is gone": (remove("1_Pooling/config.json"), "1_Pooling/config.json is missing"),
    "auto_map": (with_code("config.json", "AutoModel"), "names code of its own in auto_map (evil."),
    "tokenizer's auto_map": (
        with_code("tokenizer_config.json", "AutoTokenizer"),
        "tokenizer_config.json names code of its own in auto_map (evil.AutoTokenizer)",
    ),
    "a class of its own": (
        modules(lambda m: [m[0], {**m[1], "type": "evil.Pooling"}]),
        "modules.json names the class evil.Pooling, which is not of sentence_transformers",
    ),
    "a folder outside": (
        modules(lambda m: [m[0], {**m[1], "path": "../tiny/1_Pooling"}]),
        "modules.json names the folder ../tiny/1_Pooling, outside of the model",
    ),
    "no list of modules": (text("modules.json", '{"a": 1}'), "is no list of modules"),
    "damaged settings": (text("config.json", "[1"), "config.json cannot be read"),
    "settings that are a list": (text("sentence_bert_config.json", "[]"), "is no JSON object"),
    "architecture": (settings("config.json", model_type="quux"), "has model type `quux`"),
    "sizes that do not fit": (
        settings("config.json", num_attention_heads=5),
        "not a multiple of the number of attention heads",
    ),
    "a size that is no number": (
        settings("config.json", hidden_size="32"),
        "holds no loadable model (",
    ),
    "adapter": (text("adapter_config.json", "{}"), "holds an adapter (PEFT), no whole model"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_model_is_one_line_that_names_the_fault(tiny_copy: Path, fault: str) -> None:
    break_it, message = BROKEN[fault]
    break_it(tiny_copy)
    with pytest.raises(UserError) as error:
        load_model(find_model(str(tiny_copy)), "cpu")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(("tiny: ", f"{tiny_copy}: "))
    assert not (tiny_copy.parent / "executed").exists()


def train(model: Path, data: Path, work: Path) -> None:
    run = RunArguments(data_file=str(data), base_model=str(model), probe="none", device="cpu")
    fine_tune(run, TrainingArguments(output_dir=str(work / "output"), use_cpu=True))


def evaluate(model: Path, data: Path, work: Path) -> None:
    arguments = EvaluationArguments(
        model=[str(model)], base=str(model), data_file=data, all_queries=True, probe="none"
    )
    evaluate_models(arguments)


def check(model: Path, data: Path, work: Path) -> None:
    check_pairs(CheckArguments(data_file=data, base_model=str(model), semantic=True))


def package(model: Path, data: Path, work: Path) -> None:
    (model / "README.md").write_text("# tiny\n", encoding="utf-8")
    write_metadata_of(model)
    build_package(model, work / "output")


@pytest.mark.parametrize("command", [train, evaluate, check, package])
@pytest.mark.parametrize("fault", ["some missing", "NaN", "no pooling", "auto_map"])
def test_every_command_refuses_it_and_leaves_nothing(
    tiny_copy: Path,
    two_domains: Path,
    tmp_path: Path,
    fault: str,
    command: Callable[[Path, Path, Path], None],
) -> None:
    BROKEN[fault][0](tiny_copy)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UserError) as error:
        command(tiny_copy, two_domains, tmp_path)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_missing_pooler_and_heads_of_other_tasks_are_allowed(tiny_copy: Path) -> None:
    def change(w: Weights) -> Weights:
        kept = {key: value for key, value in w.items() if not key.startswith("pooler")}
        return {**kept, "cls.predictions.bias": torch.zeros(3)}

    weights(change)(tiny_copy)
    assert load_model(find_model(str(tiny_copy)), "cpu").get_embedding_dimension() == 32


def test_dense_layers_are_checked_as_the_encoder_is(tmp_path: Path) -> None:
    folder = build_family("with Dense", tmp_path / "dense")
    path = folder / "2_Dense" / "model.safetensors"
    whole = path.read_bytes()
    settings("2_Dense/config.json", activation_function="evil.Activation")(folder)
    with pytest.raises(UserError, match=r"names the activation evil\.Activation, which is not of"):
        find_model(str(folder))
    settings("2_Dense/config.json", activation_function="torch.nn.modules.activation.Tanh")(folder)
    path.rename(path.with_name("pytorch_model.bin"))
    with pytest.raises(UserError, match="holds its weights as a pickle"):
        load_model(find_model(str(folder)), "cpu")
    path.write_bytes(whole)
    save_file({"linear.weight": load_file(path)["linear.weight"]}, path)
    with pytest.raises(UserError, match=r'Missing key\(s\) in state_dict: "linear.bias"'):
        load_model(find_model(str(folder)), "cpu")


def test_static_embeddings_are_checked_as_an_encoder_is(tmp_path: Path) -> None:
    folder = build_family("StaticEmbedding", tmp_path / "static")
    weights(lambda w: {"embedding.weight": w["embedding.weight"][:9].clone()})(folder)
    with pytest.raises(UserError, match="tokens and its embedding table 9 rows"):
        load_model(find_model(str(folder)), "cpu")
    weights(lambda w: {"embedding.weight": torch.full((99, 32), torch.nan)})(folder)
    with pytest.raises(UserError, match="holds weights that are NaN"):
        load_model(find_model(str(folder)), "cpu")


def test_a_plain_transformer_takes_the_pooling_that_is_given(tmp_path: Path) -> None:
    folder = save_encoder(tiny_bert_encoder(), tmp_path / "plain")
    with pytest.raises(UserError, match=r"holds no modules.json, so nothing .*--pooling mean \(or"):
        find_model(str(folder))
    with pytest.raises(UserError, match="--pooling median: must be one of mean, cls"):
        find_model(str(folder), pooling="median")
    model = load_model(find_model(str(folder), pooling="cls"), "cpu")
    model.save_pretrained(str(tmp_path / "whole"), create_model_card=False)
    again = load_model(find_model(str(tmp_path / "whole")), "cpu")
    assert again[1].pooling_mode == "cls"
    assert (again.encode("pump valve") == model.encode("pump valve")).all()


def test_a_pooling_beside_the_models_own_is_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    run = RunArguments(
        data_file=str(two_domains), base_model=str(tiny_model_folder), pooling="mean", device="cpu"
    )
    with pytest.raises(UserError, match="--pooling mean: .* says in its modules.json how"):
        fine_tune(run, TrainingArguments(output_dir=str(tmp_path / "output"), use_cpu=True))
    assert not (tmp_path / "output").exists()


def test_what_could_not_be_packaged_is_refused_before_the_training(
    tiny_copy: Path, two_domains: Path, tmp_path: Path
) -> None:
    layer_norm = {"idx": 3, "name": "3", "path": "3_LayerNorm", "type": LAYER_NORM}
    modules(lambda m: [*m, layer_norm])(tiny_copy)
    (tiny_copy / "3_LayerNorm").mkdir()
    (tiny_copy / "3_LayerNorm" / "config.json").write_text('{"dimension": 32}', encoding="utf-8")
    norm = {"norm.weight": torch.ones(32), "norm.bias": torch.zeros(32)}
    save_file(norm, tiny_copy / "3_LayerNorm" / "model.safetensors")
    with pytest.raises(UserError, match="LayerNorm has no form .*, so it cannot be packaged"):
        train(tiny_copy, two_domains, tmp_path)
    assert not (tmp_path / "output").exists()

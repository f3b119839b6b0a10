"""The encoder without torch: the torch model's embeddings, from a folder or the Hub's cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from own_models import DOCUMENT_PROMPT, own_model
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from torch import nn

from nic.models import find_model, load_model
from nic.query_adapter import add_query_adapter

pytest.importorskip("onnxruntime", reason="needs onnxruntime")
from nic_encoder import EncoderError, OnnxEncoder  # noqa: E402
from nic_encoder.encoder import _chunks  # noqa: E402

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LONG = "replace the pump and the valve " * 30
TEXTS = ["pump leaks", LONG, "", "Why is the MOTOR hot?", "déjà vu \t\n ⚡ 泵", "  coil  "]


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; it may not exist."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def cut_modules(folder: Path, count: int) -> None:
    """Leave only the first modules of a model."""
    path = folder / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(modules[:count]), encoding="utf-8")


def assert_equal_to_torch(folder: Path, **options: Any) -> None:
    """Both encode the same texts to the same embeddings."""
    torch_model, encoder = (
        SentenceTransformer(str(folder), device="cpu"),
        OnnxEncoder(folder, variant="fp32"),
    )
    for name in ("encode", "encode_query", "encode_document"):
        found, expected = getattr(encoder, name), getattr(torch_model, name)
        np.testing.assert_allclose(found(TEXTS, **options), expected(TEXTS), atol=1e-5)


@pytest.fixture
def encoder(tiny_onnx_folder: Path) -> OnnxEncoder:
    """The tiny model in fp32."""
    return OnnxEncoder(tiny_onnx_folder, variant="fp32")


@pytest.fixture
def hub_cache(tiny_onnx_folder: Path, tmp_path: Path) -> Path:
    """A Hub cache that holds the tiny model as org/tiny, with main and v1.0."""
    repository = tmp_path / "hub" / "models--org--tiny"
    shutil.copytree(tiny_onnx_folder, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    for ref in ("main", "v1.0"):
        (repository / "refs" / ref).write_text(COMMIT, encoding="utf-8")
    return repository.parent


def test_fp32_gives_the_torch_models_embeddings(tiny_onnx_folder: Path) -> None:
    assert_equal_to_torch(tiny_onnx_folder)


def test_a_query_adapter_changes_queries_alone(onnx_copy: Path, tmp_path: Path) -> None:
    passages = OnnxEncoder(onnx_copy, variant="fp32").encode_document(TEXTS)
    model = load_model(find_model(str(onnx_copy)), "cpu")
    add_query_adapter(model)
    with torch.no_grad():
        model[-1].sub_modules["query"][0].linear.weight.add_(torch.randn(32, 32) * 0.1)
    adapted = tmp_path / "adapted"
    model.save_pretrained(str(adapted), create_model_card=False)
    shutil.copytree(onnx_copy / "onnx", adapted / "onnx")
    assert_equal_to_torch(adapted)
    found = OnnxEncoder(adapted, variant="fp32")
    np.testing.assert_array_equal(found.encode_document(TEXTS), passages)
    assert np.abs(found.encode_query(TEXTS) - found.encode_document(TEXTS)).max() > 0.01
    edit(adapted / "config_sentence_transformers.json", truncate_dim=8)
    cut, whole = OnnxEncoder(adapted, variant="fp32"), found.encode_query(TEXTS)
    np.testing.assert_array_equal(cut.encode_query(TEXTS, normalize=False), whole[:, :8])
    routes = adapted / "3_Router" / "router_config.json"
    edit(routes, structure={"query": [], "document": ["query_0_Dense"]})
    with pytest.raises(EncoderError, match="nothing for passages"):
        OnnxEncoder(adapted)
    for place in ("../../other", ".."):
        types = {place: "sentence_transformers.models.Dense"}
        edit(routes, types=types, structure={"query": [place], "document": []})
        with pytest.raises(EncoderError, match="outside of its own"):
            OnnxEncoder(adapted)


def test_configurations_in_the_older_spelling_mean_the_same(onnx_copy: Path) -> None:
    expected = OnnxEncoder(onnx_copy).encode(TEXTS)
    names = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{name}"}
        for n, (name, path) in enumerate(zip(names, ("", "1_Pooling", "2_Normalize"), strict=True))
    ]
    (onnx_copy / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (onnx_copy / "1_Pooling" / "config.json").unlink()
    edit(
        onnx_copy / "1_Pooling" / "config.json",
        word_embedding_dimension=32,
        pooling_mode_cls_token=False,
        pooling_mode_mean_tokens=True,
    )
    (onnx_copy / "sentence_bert_config.json").write_text('{"max_seq_length": 64}', encoding="utf-8")
    shutil.rmtree(onnx_copy / "2_Normalize")
    np.testing.assert_array_equal(OnnxEncoder(onnx_copy).encode(TEXTS), expected)


def test_the_int8_file_of_an_earlier_package_is_read(onnx_copy: Path) -> None:
    expected = OnnxEncoder(onnx_copy).encode(TEXTS)
    onnx = onnx_copy / "onnx"
    (onnx / "model_quantized.onnx").rename(onnx / "model_qint8.onnx")
    np.testing.assert_array_equal(OnnxEncoder(onnx_copy).encode(TEXTS), expected)
    (onnx / "model.onnx").unlink()
    with pytest.raises(EncoderError, match="model.onnx: missing; variants of the model: int8"):
        OnnxEncoder(onnx_copy, variant="fp32")


@pytest.mark.parametrize(
    "mode", ["cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ["max", "cls"]]
)
def test_every_pooling_is_torchs(onnx_copy: Path, mode: str | list[str]) -> None:
    cut_modules(onnx_copy, 2)
    before = OnnxEncoder(onnx_copy).encode(TEXTS, normalize=False)
    edit(onnx_copy / "1_Pooling" / "config.json", pooling_mode=mode)
    assert_equal_to_torch(onnx_copy, normalize=False)
    changed = OnnxEncoder(onnx_copy).encode(TEXTS, normalize=False)
    assert changed.shape[1] != before.shape[1] or np.abs(changed - before).max() > 0.01


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Identity(), nn.ReLU(), nn.Sigmoid()])
@pytest.mark.parametrize("bias", [True, False])
def test_dense_layers_are_torchs(
    onnx_copy: Path, tmp_path: Path, activation: nn.Module, bias: bool
) -> None:
    model = SentenceTransformer(str(onnx_copy), device="cpu")
    torch.manual_seed(1)
    dense = [Dense(32, 24, bias, activation), Dense(24, 16)]
    modules = [model[0], model[1], *dense, model[2]]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(tmp_path / "dense"))
    shutil.copytree(onnx_copy / "onnx", tmp_path / "dense" / "onnx")
    assert_equal_to_torch(tmp_path / "dense")
    assert OnnxEncoder(tmp_path / "dense").dimension == 16


def test_embeddings_are_cut_to_the_models_truncate_dim(onnx_copy: Path) -> None:
    edit(onnx_copy / "config_sentence_transformers.json", truncate_dim=16)
    assert_equal_to_torch(onnx_copy, normalize=False)
    encoder = OnnxEncoder(onnx_copy)
    assert encoder.dimension == 16
    assert encoder.encode(TEXTS).shape == (len(TEXTS), 16)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(TEXTS), axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_function": "torch.nn.modules.activation.GELU"}, "activation GELU; this enc"),
        ({"use_residual": True}, "a dense layer beside others"),
        ({"module_input_name": "token_embeddings"}, "a dense layer beside others"),
    ],
)
def test_a_dense_layer_that_is_not_known_is_refused(
    onnx_copy: Path, changes: dict[str, Any], message: str
) -> None:
    path = onnx_copy / "modules.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Normalize", "Dense"), "utf-8")
    (onnx_copy / "2_Dense").mkdir(exist_ok=True)
    edit(onnx_copy / "2_Dense" / "config.json", **changes)
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(onnx_copy)


def test_a_dense_layer_without_weights_is_named(onnx_copy: Path) -> None:
    path = onnx_copy / "modules.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Normalize", "Dense"), "utf-8")
    (onnx_copy / "2_Dense").mkdir(exist_ok=True)
    edit(onnx_copy / "2_Dense" / "config.json", in_features=32)
    with pytest.raises(EncoderError, match=r"2_Dense.model.safetensors: missing or damaged"):
        OnnxEncoder(onnx_copy)


def test_long_texts_are_cut_where_sentence_transformers_cuts_them(onnx_copy: Path) -> None:
    before = OnnxEncoder(onnx_copy).encode(TEXTS)
    edit(onnx_copy / "sentence_bert_config.json", max_seq_length=8)
    assert_equal_to_torch(onnx_copy)
    assert OnnxEncoder(onnx_copy).config.max_seq_length == 8
    assert np.abs(OnnxEncoder(onnx_copy).encode(TEXTS) - before)[1].max() > 0.001


def test_a_length_fixed_in_the_tokenizers_file_does_not_count(onnx_copy: Path) -> None:
    tokenizer = onnx_copy / "tokenizer.json"
    padding = json.loads(tokenizer.read_text(encoding="utf-8"))["padding"] or {
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    short = {"max_length": 5, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    edit(tokenizer, truncation=short, padding={**padding, "strategy": {"Fixed": 40}})
    assert_equal_to_torch(onnx_copy)


def test_without_a_normalize_module_only_normalize_gives_unit_length(onnx_copy: Path) -> None:
    cut_modules(onnx_copy, 2)
    assert_equal_to_torch(onnx_copy, normalize=False)
    encoder = OnnxEncoder(onnx_copy)
    lengths = np.linalg.norm(encoder.encode(TEXTS, normalize=False), axis=1)
    assert np.abs(lengths - 1).min() > 0.01
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(TEXTS), axis=1), 1, rtol=1e-6)


def test_the_models_own_normalize_module_always_counts(encoder: OnnxEncoder) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS, normalize=False), encoder.encode(TEXTS))


@pytest.mark.parametrize("kind", ["prompts", "default_prompt", "prompts_and_dot", "manhattan"])
def test_prompts_and_length_are_those_of_the_model(
    tiny_onnx_folder: Path, tmp_path: Path, kind: str
) -> None:
    folder = own_model(tiny_onnx_folder, tmp_path / "own", kind)
    assert_equal_to_torch(folder)
    encoder = OnnxEncoder(folder, variant="fp32")
    both = encoder.encode_query(TEXTS), encoder.encode_document(TEXTS)
    same = kind == "manhattan"
    assert (np.abs(both[0] - both[1]).max() < 1e-6) == same


def test_a_prompt_of_passages_under_another_name_is_used(
    tiny_onnx_folder: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_onnx_folder, tmp_path / "own", "passage")
    encoder = OnnxEncoder(folder)
    assert encoder.config.document_prompt == DOCUMENT_PROMPT
    expected = encoder.encode([DOCUMENT_PROMPT + text for text in TEXTS])
    np.testing.assert_allclose(encoder.encode_document(TEXTS), expected, atol=1e-6)
    np.testing.assert_allclose(
        encoder.encode_document("pump leaks"), encoder.encode_document(["pump leaks"])[0]
    )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_prompt_that_the_pooling_leaves_out_is_left_out(
    tiny_onnx_folder: Path, tmp_path: Path, pooling: str
) -> None:
    folder = own_model(tiny_onnx_folder, tmp_path / "own", "prompts")
    edit(folder / "1_Pooling" / "config.json", pooling_mode=pooling)
    before = OnnxEncoder(folder, variant="fp32").encode_query(TEXTS)
    edit(folder / "1_Pooling" / "config.json", include_prompt=False)
    assert_equal_to_torch(folder)
    after = OnnxEncoder(folder, variant="fp32").encode_query(TEXTS)
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_embeddings_are_compared_as_the_model_compares(onnx_copy: Path, similarity: str) -> None:
    edit(onnx_copy / "config_sentence_transformers.json", similarity_fn_name=similarity)
    cut_modules(onnx_copy, 2)
    model = SentenceTransformer(str(onnx_copy), device="cpu")
    ones, others = model.encode(TEXTS[:2]), model.encode(TEXTS)
    found = OnnxEncoder(onnx_copy).similarity(ones, others)
    np.testing.assert_allclose(found, model.similarity(ones, others), rtol=1e-4, atol=1e-4)
    assert found.shape == (2, len(TEXTS))


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_the_batch_size_changes_nothing(encoder: OnnxEncoder, batch_size: int) -> None:
    np.testing.assert_allclose(
        encoder.encode(TEXTS, batch_size=batch_size), encoder.encode(TEXTS), atol=1e-6
    )


def test_one_string_gives_one_vector(encoder: OnnxEncoder) -> None:
    vector = encoder.encode("pump leaks")
    assert (vector.shape, vector.dtype) == ((32,), np.float32)
    np.testing.assert_array_equal(vector, encoder.encode(["pump leaks"])[0])


def test_no_texts_give_no_rows(encoder: OnnxEncoder) -> None:
    embeddings = encoder.encode([])
    assert (embeddings.shape, embeddings.dtype) == ((0, 32), np.float32)


def test_texts_may_come_from_anything_that_gives_strings(encoder: OnnxEncoder) -> None:
    expected = encoder.encode(TEXTS)
    kinds: list[Any] = [tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)]
    for texts in kinds:
        np.testing.assert_array_equal(encoder.encode(texts), expected)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (None, "texts must be a string or strings, not NoneType"),
        (5, "texts must be a string or strings, not int"),
        (b"pump", "texts must be a string or strings, not bytes"),
        ({"pump": 1}, "texts must be a string or strings, not dict"),
        (["pump", None], "text 1 must be a string, not NoneType"),
        ([["pump", "valve"]], "text 0 must be a string, not list"),
    ],
)
def test_what_is_no_text_is_refused(encoder: OnnxEncoder, texts: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encoder.encode(texts)


def test_a_text_that_is_no_unicode_is_named(encoder: OnnxEncoder) -> None:
    with pytest.raises(EncoderError, match="text 1 is no valid Unicode"):
        encoder.encode(["pump", "valve \ud800"])


def test_a_batch_size_below_one_is_refused(encoder: OnnxEncoder) -> None:
    with pytest.raises(EncoderError, match="batch_size 0: must be 1 or more"):
        encoder.encode(TEXTS, batch_size=0)


@pytest.mark.parametrize("revision", ["main", "v1.0", COMMIT])
def test_a_repository_is_read_from_the_cache_by_name(
    hub_cache: Path, revision: str, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(hub_cache))
    found = OnnxEncoder("org/tiny", revision, variant="fp32")
    assert found.folder == hub_cache / "models--org--tiny" / "snapshots" / COMMIT
    np.testing.assert_array_equal(found.encode(TEXTS), encoder.encode(TEXTS))


@pytest.mark.parametrize("variable", ["HF_HOME", "XDG_CACHE_HOME", None])
def test_the_cache_is_where_the_hubs_client_has_it(
    hub_cache: Path, tmp_path: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable == "XDG_CACHE_HOME":
        (tmp_path / "huggingface").mkdir()
        hub_cache.rename(tmp_path / "huggingface" / "hub")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    cache = None if variable else hub_cache
    assert OnnxEncoder("org/tiny", cache=cache).folder.name == COMMIT


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("org/other", "main", "org/other: neither a folder nor in the cache"),
        ("org/tiny", "v2.0", r'no revision "v2.0" in the cache .*; there is main, v1.0$'),
        ("org/tiny", "../refs/main", r'no revision "../refs/main"'),
        ("org/tiny", "f" * 40, f"revision {'f' * 40} .* is not in the cache"),
        ("tiny", "main", 'tiny: no such folder; a repository is named "organisation/name"'),
        ("../org/tiny", "main", r"\.\./org/tiny: no such folder"),
    ],
)
def test_what_is_not_in_the_cache_is_said(
    hub_cache: Path, name: str, revision: str, message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(name, revision, cache=hub_cache)


def test_a_folder_goes_before_the_cache_and_must_hold_a_model(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("org/tiny").mkdir(parents=True)
    with pytest.raises(EncoderError, match=r"holds no modules.json, so it is no sentence-transf"):
        OnnxEncoder("org/tiny", cache=hub_cache)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "pooling median; this encoder has"),
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "sum"]}, "pooling mean, sum; this"),
        ("config_sentence_transformers.json", {"truncate_dim": 0}, "truncate_dim 0 is no number"),
        ("2_Normalize/config.json", {"module_input_name": "token_embeddings"}, "normalises .*tok"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case is true, which this"),
        (
            "config_sentence_transformers.json",
            {"default_prompt_name": "search", "prompts": {"query": "search: "}},
            'its default prompt "search" is not among its prompts',
        ),
        (
            "config_sentence_transformers.json",
            {"similarity_fn_name": "maxsim"},
            "compares by maxsim; this encoder has cosine, dot, euclidean, manhattan",
        ),
        ("tokenizer_config.json", {"pad_token": "<pad>"}, 'no token "<pad>" to fill up with'),
    ],
)
def test_a_setting_that_would_give_other_embeddings_is_refused(
    onnx_copy: Path, file: str, changes: dict[str, Any], message: str
) -> None:
    edit(onnx_copy / file, **changes)
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(onnx_copy)


def test_a_step_that_is_not_known_is_refused_by_name(onnx_copy: Path) -> None:
    path = onnx_copy / "modules.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Normalize", "LSTM"), encoding="utf-8")
    with pytest.raises(EncoderError, match="steps Transformer, Pooling, LSTM; this encoder has"):
        OnnxEncoder(onnx_copy)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("tokenizer.json", "tokenizer.json: missing; the model is not whole"),
        ("1_Pooling/config.json", "config.json: missing; the model is not whole"),
        ("tokenizer_config.json", "tokenizer_config.json: missing; the model is not whole"),
        ("onnx/model_quantized.onnx", "model_quantized.onnx: missing; variants of the model: fp32"),
    ],
)
def test_a_missing_file_is_named(onnx_copy: Path, file: str, message: str) -> None:
    (onnx_copy / file).unlink()
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(onnx_copy)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("modules.json", r"modules.json: damaged \("),
        ("tokenizer.json", r"tokenizer.json: damaged \("),
        ("onnx/model_quantized.onnx", r"model_quantized.onnx: onnxruntime cannot read it \("),
    ],
)
def test_a_damaged_file_is_named(onnx_copy: Path, file: str, message: str) -> None:
    content = (onnx_copy / file).read_bytes()
    (onnx_copy / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(onnx_copy)


def test_modules_that_are_no_list_of_modules_are_refused(onnx_copy: Path) -> None:
    (onnx_copy / "modules.json").write_text('[{"name": "0"}]', encoding="utf-8")
    with pytest.raises(EncoderError, match="no list of modules with type and path"):
        OnnxEncoder(onnx_copy)


def test_a_variant_that_does_not_exist_is_refused(tiny_onnx_folder: Path) -> None:
    with pytest.raises(EncoderError, match='variant "int4": give int8, fp32, bf16'):
        OnnxEncoder(tiny_onnx_folder, variant="int4")


def test_long_texts_come_in_chunks_that_stay_in_the_cache_of_a_core(
    tiny_onnx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = OnnxEncoder(tiny_onnx_folder, variant="fp32", threads=2)
    shapes: list[tuple[int, int]] = []
    run = encoder._session.run

    def watched(feed: Any) -> Any:
        shapes.append(feed["input_ids"].shape)
        return run(feed)

    monkeypatch.setattr(encoder._session, "run", watched)
    texts = [f"pump {n} " + "valve " * (n * 7 % 60) for n in range(200)]
    together = encoder.encode_document(texts, batch_size=16)
    assert sum(rows for rows, _ in shapes) == 200
    assert max(rows for rows, _ in shapes) == 16
    assert max(rows * tokens for rows, tokens in shapes) <= 2 * encoder._session.chunk_tokens
    apart = np.concatenate([encoder.encode_document([text]) for text in texts])
    np.testing.assert_allclose(together, apart, atol=1e-5)


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 40), st.integers(1, 700))
def test_chunks_hold_each_text_once_and_no_more_than_their_bounds(
    lengths: list[int], texts: int, tokens: int
) -> None:
    chunks = list(_chunks(lengths, texts, tokens))
    assert sorted(place for chunk in chunks for place in chunk) == list(range(len(lengths)))
    for chunk in chunks:
        longest = max(lengths[place] for place in chunk)
        assert len(chunk) <= texts
        assert len(chunk) == 1 or len(chunk) * longest <= tokens


def test_bf16_gives_the_torch_models_embeddings_up_to_the_rounding_of_bf16(
    tiny_onnx_folder: Path,
) -> None:
    encoder = OnnxEncoder(tiny_onnx_folder, variant="bf16", threads=1)
    torch_model = SentenceTransformer(str(tiny_onnx_folder), device="cpu")
    assert encoder.precision in ("bf16", "fp32")
    for name in ("encode", "encode_query", "encode_document"):
        found, expected = getattr(encoder, name)(TEXTS), getattr(torch_model, name)(TEXTS)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=2e-2)


def test_several_threads_may_use_one_encoder_in_bf16(tiny_onnx_folder: Path) -> None:
    encoder = OnnxEncoder(tiny_onnx_folder, variant="bf16", threads=1)
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(encoder.encode, [TEXTS] * 16):
            np.testing.assert_array_equal(found, expected)


def test_bf16_without_openvino_says_what_to_install(
    tiny_onnx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EncoderError, match="needs OpenVINO: pip install openvino, or take"):
        OnnxEncoder(tiny_onnx_folder, variant="bf16")


def test_a_damaged_file_is_named_in_bf16(onnx_copy: Path) -> None:
    file = onnx_copy / "onnx" / "model.onnx"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(EncoderError, match=r"model.onnx: OpenVINO cannot read it \("):
        OnnxEncoder(onnx_copy, variant="bf16")


def test_torch_and_the_hubs_client_are_not_imported(tiny_onnx_folder: Path) -> None:
    program = (
        "import sys; from nic_encoder import OnnxEncoder; "
        "print(OnnxEncoder(sys.argv[1]).encode('pump').shape); "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    source = Path(__file__).resolve().parents[2] / "encoder"
    run = subprocess.run(
        [sys.executable, "-c", program, str(tiny_onnx_folder)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert run.stdout.splitlines() == ["(32,)", "[]"]

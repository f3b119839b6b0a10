"""Prompts and similarity are read, replaced and refused in one place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_models import DOCUMENT_PROMPT, KINDS, PROMPTS, QUERY_PROMPT, own_model
from sentence_transformers import SentenceTransformer

from nic.encoding import Encoding, check_prompts, fill_prompts, set_prompts
from nic.errors import UserError
from nic.models import find_model, load_model


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoding_of_a_model_is_what_its_configuration_says(
    kind: str, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = load_model(find_model(str(own_model(tiny_model_folder, tmp_path / "own", kind))), "cpu")
    prompts = (QUERY_PROMPT, DOCUMENT_PROMPT) if "prompts" in KINDS[kind] else ("", "")
    similarity = KINDS[kind].get("similarity_fn_name", "cosine")
    default = QUERY_PROMPT if kind == "default_prompt" else ""
    assert Encoding.of(model) == Encoding(*prompts, similarity, default)
    assert Encoding.of(model).is_special


def test_a_prompt_of_passages_under_another_name_is_not_hidden(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_model_folder, tmp_path / "own", "passage")
    model = load_model(find_model(str(folder)), "cpu")
    expected = model.encode(f"{DOCUMENT_PROMPT}pump", prompt="")
    np.testing.assert_allclose(model.encode_document("pump"), expected, atol=1e-6)
    # The library alone finds its own empty prompt "document" first.
    library = SentenceTransformer(str(folder), device="cpu").encode_document("pump")
    assert np.abs(library - expected).max() > 1e-3


def test_an_encoding_in_words_is_one_line() -> None:
    assert str(Encoding()) == "no prompts, cosine similarity"
    assert str(Encoding("Ask:\n", similarity="dot")) == (
        'queries with "Ask:\\n", passages with nothing, dot product'
    )


def test_given_prompts_replace_those_of_the_model_and_are_saved_with_it(
    tiny_model: SentenceTransformer, tmp_path: Path
) -> None:
    set_prompts(tiny_model, "query: ", None)
    set_prompts(tiny_model, None, "passage: ")
    assert Encoding.of(tiny_model) == Encoding("query: ", "passage: ")
    set_prompts(tiny_model, "", None)
    tiny_model.save_pretrained(str(tmp_path), create_model_card=False)
    again = SentenceTransformer(str(tmp_path), device="cpu")
    assert again.prompts == {"query": "", "document": "passage: "}


def test_prompts_for_models_without_any_leave_the_others_as_they_are(
    tiny_model: SentenceTransformer,
) -> None:
    own = SentenceTransformer(modules=list(tiny_model), prompts=dict(PROMPTS), device="cpu")
    fill_prompts([tiny_model, own], "q ", "d ")
    assert Encoding.of(tiny_model) == Encoding("q ", "d ")
    assert Encoding.of(own) == Encoding(QUERY_PROMPT, DOCUMENT_PROMPT)
    with pytest.raises(UserError, match="each of these models stores its own; leave them out"):
        fill_prompts([tiny_model, own], "q ", None)
    fill_prompts([own], None, None)


@pytest.mark.parametrize(("kind", "side"), [("query", "queries"), ("document", "passages")])
def test_a_prompt_that_fills_the_input_is_refused(
    kind: str, side: str, tiny_model: SentenceTransformer
) -> None:
    tiny_model.prompts[kind] = "pump " * 61
    check_prompts(tiny_model, "tiny")
    tiny_model.prompts[kind] = "pump " * 62
    with pytest.raises(UserError, match=f"tiny: the prompt of its {side} fills the 64 tokens"):
        check_prompts(tiny_model, "tiny")

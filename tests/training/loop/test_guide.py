"""The guide gives what the base model gives, whatever the trained model has become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from own_models import own_model
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss, MatryoshkaLoss
from tiny_runs import trainer_of

from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.models import find_model, load_model
from training.command.parser import parse_arguments
from training.loop.batch_sampler import SharedNegativesCollator
from training.loop.guide import BaseGuide, learn_guide
from training.loop.losses import build_loss
from training.loop.trainer import PairsTrainer

BATCH = 8
KEYS = ["guided", "cached_guided"]


def rows(sharing: int = 0) -> Dataset:
    """Rows of texts of several lengths; the first `sharing` of them share one negative."""
    texts = {
        name: [" ".join([name, *["pump", "leaks"][: n % 3], str(n)]) for n in range(BATCH)]
        for name in ("query", "positive", "negative")
    }
    texts["negative"][:sharing] = ["shared"] * sharing
    return Dataset.from_dict(texts)


def guided_trainer(
    model: ChunkedSentenceTransformer, data: Dataset, folder: Path, *words: str
) -> PairsTrainer:
    """A trainer whose guide has learnt, with a model that was changed since."""
    trainer = trainer_of(model, data, folder, *words)
    learn_guide(trainer.loss, model, data)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return trainer


def found_and_expected(
    trainer: PairsTrainer,
    base: SentenceTransformer,
    dimensions: list[int] | None = None,
    **given: Any,
) -> tuple[float, float]:
    """The loss of the trainer, and that of the library with the base model itself as guide."""
    model = trainer.model.eval()
    batch = next(iter(trainer.get_train_dataloader()))
    columns, _ = trainer.collect_features(dict(batch))
    trainer.model.embed_together(())
    reference: torch.nn.Module = GISTEmbedLoss(model, base.eval(), **given)
    if dimensions:
        reference = MatryoshkaLoss(model, reference, dimensions)
    expected = reference([dict(column) for column in columns], torch.tensor([])).item()
    return trainer.compute_loss(model, dict(batch)).item(), expected


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("sharing", "margin", "strategy"),
    [(0, "0.0", "absolute"), (5, "-0.01", "absolute"), (5, "0.02", "relative")],
)
def test_the_loss_is_that_of_the_library_with_the_base_model_as_guide(
    tiny_model: ChunkedSentenceTransformer,
    tiny_model_folder: Path,
    tmp_path: Path,
    key: str,
    sharing: int,
    margin: str,
    strategy: str,
) -> None:
    words = ["--loss", key, "--guide-margin", margin, "--guide-margin-strategy", strategy]
    trainer = guided_trainer(tiny_model, rows(sharing), tmp_path, *words)
    assert isinstance(trainer.data_collator, SharedNegativesCollator)
    base = SentenceTransformer(str(tiny_model_folder), device="cpu")
    given: dict[str, Any] = {
        "margin": float(margin),
        "margin_strategy": strategy,
        "temperature": 0.05,
    }
    without: dict[str, Any] = {"contrast_anchors": False, "contrast_positives": False}
    found, expected = found_and_expected(trainer, base, **given, **without)
    assert found == pytest.approx(expected, abs=1e-4)
    unmasked, _ = found_and_expected(
        guided_trainer(tiny_model, rows(sharing), tmp_path, "--loss", key, "--guide-margin=-1"),
        base,
    )
    assert found < unmasked


@pytest.mark.parametrize("key", KEYS)
def test_the_other_directions_are_those_of_the_paper(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Path, tmp_path: Path, key: str
) -> None:
    names = "query_to_doc,query_to_query,doc_to_doc"
    words = ["--loss", key, "--guide-margin", "0", "--directions", names]
    trainer = guided_trainer(tiny_model, rows(), tmp_path, *words)
    base = SentenceTransformer(str(tiny_model_folder), device="cpu")
    found, expected = found_and_expected(trainer, base, temperature=0.05)
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("key", KEYS)
def test_shorter_embeddings_are_guided_by_the_whole_ones_of_the_base(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Path, tmp_path: Path, key: str
) -> None:
    words = ["--loss", key, "--guide-margin", "0", "--matryoshka", "16"]
    trainer = guided_trainer(tiny_model, rows(5), tmp_path, *words)
    base = SentenceTransformer(str(tiny_model_folder), device="cpu")
    without: dict[str, Any] = {"contrast_anchors": False, "contrast_positives": False}
    found, expected = found_and_expected(trainer, base, [32, 16], temperature=0.05, **without)
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_guide_embeds_with_the_prompts_and_texts_of_equal_tokens_share_an_embedding(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    model = load_model(find_model(str(folder)), "cpu")
    data = Dataset.from_dict(
        {"query": ["pump", "PUMP", "coil"], "positive": ["pump", "hose ", "hose"]}
    )
    guide = BaseGuide(model)
    guide.learn(model, data)
    assert len(guide) == 4
    for name, encode, prompt in (
        ("query", model.encode_query, "why is the "),
        ("positive", model.encode_document, "replace the "),
    ):
        features = model.preprocess(data[name], prompt=prompt)
        torch.testing.assert_close(
            guide(features)["sentence_embedding"], encode(data[name], convert_to_tensor=True)
        )


def test_a_text_that_the_guide_does_not_know_ends_with_one_line(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    guide = BaseGuide(tiny_model)
    guide.learn(tiny_model, rows())
    with pytest.raises(UserError, match="--loss: the base model's embedding of a training text is"):
        guide(tiny_model.preprocess(["another text"]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--directions query_to_doc,doc_to_query", "--directions doc_to_query: no guided loss has"),
        (
            "--directions query_to_doc,doc_to_doc",
            "--directions doc_to_doc: a text is masked",
        ),
        (
            "--hardness hard_negatives",
            "--hardness: --loss guided does not take it; use",
        ),
        ("--guide-margin 2", "--guide-margin 2.0: must be -1 to 1"),
    ],
)
def test_what_a_guided_loss_cannot_do_is_refused(words: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        parse_arguments(["--loss", "guided", *words.split()])


def test_a_margin_is_refused_for_a_loss_without_guide() -> None:
    with pytest.raises(UserError, match="--guide-margin: --loss mnrl does not take it; use --loss"):
        parse_arguments(["--guide-margin", "0"])


def test_a_model_that_compares_otherwise_is_refused(tiny_model: ChunkedSentenceTransformer) -> None:
    tiny_model.similarity_fn_name = "dot"
    with pytest.raises(UserError, match="--loss guided: compares by cosine alone, .* dot product;"):
        build_loss(tiny_model, "guided", {})

"""How a model encodes queries and passages and compares them: its prompts and its similarity.

Queries are encoded by `encode_query`, passages by `encode_document`, everywhere. Plain `encode`
puts a model's default prompt before both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nic.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

QUERY, DOCUMENT = "query", "document"
# Other names under which models store the prompt of passages.
DOCUMENT_NAMES = ("passage", "corpus")
COSINE = "cosine"
SIMILARITIES = {
    COSINE: "cosine similarity",
    "dot": "dot product",
    "euclidean": "Euclidean distance",
    "manhattan": "Manhattan distance",
}


@dataclass(frozen=True)
class Encoding:
    """How a model encodes queries and passages and compares them.

    Attributes:
        query_prompt: What `encode_query` puts before a text; empty for nothing.
        document_prompt: What `encode_document` puts before a text; empty for nothing.
        similarity: The model's similarity: "cosine", "dot", "euclidean" or "manhattan".
        default_prompt: What `encode` puts before any text; empty for nothing.
    """

    query_prompt: str = ""
    document_prompt: str = ""
    similarity: str = COSINE
    default_prompt: str = ""

    @classmethod
    def of(cls, model: SentenceTransformer) -> Encoding:
        """Returns the prompts and the similarity of a model."""
        prompts = model.prompts
        return cls(
            query_prompt=prompts.get(QUERY) or "",
            document_prompt=prompts.get(DOCUMENT) or "",
            similarity=str(model.similarity_fn_name),
            default_prompt=prompts.get(model.default_prompt_name or "") or "",
        )

    @property
    def has_prompts(self) -> bool:
        """Whether queries or passages get a prompt."""
        return bool(self.query_prompt or self.document_prompt)

    @property
    def is_special(self) -> bool:
        """Whether plain encoding and cosine similarity would rank otherwise."""
        return self.has_prompts or self.similarity != COSINE

    @property
    def compared_by(self) -> str:
        """The similarity in words, such as "cosine similarity"."""
        return SIMILARITIES.get(self.similarity, self.similarity)

    def __str__(self) -> str:
        """Returns prompts and similarity in words, on one line."""
        if not self.has_prompts:
            return f"no prompts, {self.compared_by}"
        return (
            f"queries with {_quoted(self.query_prompt)}, passages with "
            f"{_quoted(self.document_prompt)}, {self.compared_by}"
        )


def name_document_prompt(model: SentenceTransformer) -> None:
    """Makes `encode_document` use a prompt that the model stores under another name.

    The library adds an empty prompt "document" to each model, which hides those of
    `DOCUMENT_NAMES`.
    """
    model.prompts[DOCUMENT] = find_document_prompt(model.prompts)


def find_document_prompt(prompts: Mapping[str, str | None]) -> str:
    """Returns the prompt of passages under the first name that holds one; empty for none."""
    stored = [prompts.get(name) for name in (DOCUMENT, *DOCUMENT_NAMES)]
    return next((prompt for prompt in stored if prompt), "")


def set_prompts(model: SentenceTransformer, query: str | None, document: str | None) -> None:
    """Replaces the prompts of a model, which it is then saved with.

    Args:
        model: The model.
        query: Prompt of queries; None keeps the model's own, "" takes it away.
        document: Prompt of passages, likewise.
    """
    given = {QUERY: query, DOCUMENT: document}
    model.prompts.update({name: prompt for name, prompt in given.items() if prompt is not None})


def fill_prompts(
    models: Iterable[SentenceTransformer], query: str | None, document: str | None
) -> None:
    """Gives prompts to those models that store none.

    Args:
        models: The models.
        query: Prompt of queries; None for none.
        document: Prompt of passages; None for none.

    Raises:
        UserError: Prompts are given, and each model has its own.
    """
    if not (query or document):
        return
    without = [model for model in models if not Encoding.of(model).has_prompts]
    if not without:
        raise UserError(
            "--query-prompt, --document-prompt: are for models that store no prompts, and each "
            "of these models stores its own; leave them out"
        )
    for model in without:
        set_prompts(model, query, document)


def check_prompts(model: SentenceTransformer, name: str) -> None:
    """Refuses prompts that leave no room for a text.

    Args:
        model: The model.
        name: Its name, for the message.

    Raises:
        UserError: A prompt has as many tokens as the model reads.
    """
    limit = model.max_seq_length
    for kind in (QUERY, DOCUMENT):
        prompt = model.prompts.get(kind)
        if not prompt or not limit:
            continue
        tokens = model.preprocess([prompt]).get("input_ids")
        if tokens is not None and tokens.shape[-1] >= limit:
            raise UserError(
                f"{name}: the prompt of its {'queries' if kind == QUERY else 'passages'} fills "
                f"the {limit} tokens that the model reads; give a shorter one with --{kind}-prompt"
            )


def _quoted(prompt: str) -> str:
    return json.dumps(prompt, ensure_ascii=False) if prompt else "nothing"

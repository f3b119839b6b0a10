"""Which prompt each column of the training rows gets."""

from __future__ import annotations

from sentence_transformers import SentenceTransformer

from nic.encoding import Encoding
from pairs.columns import TEXT_COLUMNS


def column_prompts(model: SentenceTransformer) -> dict[str, str]:
    """Returns the prompt of each column that has one, as `encode_query` and `encode_document`."""
    encoding = Encoding.of(model)
    query, *passages = TEXT_COLUMNS
    prompts = {query: encoding.query_prompt, **dict.fromkeys(passages, encoding.document_prompt)}
    return {column: prompt for column, prompt in prompts.items() if prompt}

"""Which prompt each column of the training rows gets, and which way through the model it takes."""

from __future__ import annotations

from collections.abc import Sequence

from sentence_transformers import SentenceTransformer

from nic.encoding import DOCUMENT, QUERY, Encoding
from nic.query_adapter import has_query_adapter
from pairs.columns import TEXT_COLUMNS


def column_routes(
    model: SentenceTransformer, columns: Sequence[str] = TEXT_COLUMNS
) -> dict[str, str]:
    """Returns the route of each column through a query adapter; empty for a model without one.

    Args:
        model: The model.
        columns: Names of the columns; the first holds queries, the others passages.
    """
    query, *passages = columns
    routes = {query: QUERY, **dict.fromkeys(passages, DOCUMENT)}
    return routes if has_query_adapter(model) else {}


def column_prompts(
    model: SentenceTransformer, columns: Sequence[str] = TEXT_COLUMNS
) -> dict[str, str]:
    """Returns the prompt of each column that has one, as `encode_query` and `encode_document`.

    Args:
        model: The model.
        columns: Names of the columns; the first holds queries, the others passages.
    """
    encoding = Encoding.of(model)
    query, *passages = columns
    prompts = {query: encoding.query_prompt, **dict.fromkeys(passages, encoding.document_prompt)}
    return {column: prompt for column, prompt in prompts.items() if prompt}

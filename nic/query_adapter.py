"""A query adapter: a linear map of the queries alone, behind a model.

Passages are encoded as before, bit for bit, so that an index of them stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.encoding import DOCUMENT, QUERY, Encoding
from nic.model_checks import ROUTER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def add_query_adapter(model: SentenceTransformer) -> None:
    """Appends a `(dim, dim)` map of the query embeddings to a model; it begins as the identity.

    A model that ends with embeddings of unit length gives such embeddings of queries too.
    """
    import torch
    from sentence_transformers.base.modules import Dense, Module, Normalize, Router

    # What is cut off an embedding is cut behind the adapter.
    cut, model.truncate_dim = model.truncate_dim, None
    width = model.get_embedding_dimension()
    model.truncate_dim = cut
    start = torch.eye(width, device=model.device)
    adapter: list[Module] = [
        Dense(width, width, bias=False, activation_function=None, init_weight=start)
    ]
    if isinstance(model[-1], Normalize):
        adapter.append(Normalize())
    router = Router.for_query_document(adapter, [], default_route=DOCUMENT)
    model.add_module(str(len(model)), router.to(model.device))


def shares_passages(model: SentenceTransformer, base: SentenceTransformer) -> bool:
    """Whether a model with a query adapter encodes passages as a base does, bit for bit."""
    import torch

    ours, theirs = Encoding.of(model), Encoding.of(base)
    alike = (ours.document_prompt, ours.similarity) == (theirs.document_prompt, theirs.similarity)
    if not has_query_adapter(model) or not alike or model.max_seq_length != base.max_seq_length:
        return False
    kept = {name: value for name, value in model.state_dict().items() if not _is_adapter(name)}
    return all(
        name in kept and torch.equal(value.cpu(), kept[name].cpu())
        for name, value in base.state_dict().items()
        if not _is_adapter(name)
    )


def adapter_width(model: SentenceTransformer) -> int:
    """Returns the length of the embeddings that the query adapter of a model maps."""
    return int(model[-1].sub_modules[QUERY][0].in_features)


def has_query_adapter(model: SentenceTransformer) -> bool:
    """Whether the last module of a model changes queries alone."""
    if type(model[-1]).__name__ != ROUTER:
        return False
    routes = model[-1].sub_modules
    return set(routes) == {QUERY, DOCUMENT} and not len(routes[DOCUMENT])


def _is_adapter(name: str) -> bool:
    return f".sub_modules.{QUERY}." in name

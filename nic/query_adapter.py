"""A query adapter: a linear map of the queries alone, behind a model.

Passages are encoded as before, bit for bit, so that an index of them stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.encoding import DOCUMENT, QUERY
from nic.model_checks import ROUTER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def add_query_adapter(model: SentenceTransformer) -> None:
    """Appends a `(dim, dim)` map of the query embeddings to a model; it begins as the identity.

    A model that ends with embeddings of unit length gives such embeddings of queries too.
    """
    import torch
    from sentence_transformers.base.modules import Dense, Module, Normalize, Router

    width = model.get_embedding_dimension()
    start = torch.eye(width, device=model.device)
    adapter: list[Module] = [
        Dense(width, width, bias=False, activation_function=None, init_weight=start)
    ]
    if isinstance(model[-1], Normalize):
        adapter.append(Normalize())
    router = Router.for_query_document(adapter, [], default_route=DOCUMENT)
    model.add_module(str(len(model)), router.to(model.device))


def shares_passages(model: SentenceTransformer, base: SentenceTransformer) -> bool:
    """Whether a model with a query adapter encodes passages with the very weights of a base."""
    import torch

    if not has_query_adapter(model):
        return False
    kept = {name: value for name, value in model.state_dict().items() if not _is_adapter(name)}
    return all(
        name in kept and torch.equal(value.cpu(), kept[name].cpu())
        for name, value in base.state_dict().items()
        if not _is_adapter(name)
    )


def has_query_adapter(model: SentenceTransformer) -> bool:
    """Whether the last module of a model changes queries alone."""
    if type(model[-1]).__name__ != ROUTER:
        return False
    routes = model[-1].sub_modules
    return set(routes) == {QUERY, DOCUMENT} and not len(routes[DOCUMENT])


def _is_adapter(name: str) -> bool:
    return f".sub_modules.{QUERY}." in name

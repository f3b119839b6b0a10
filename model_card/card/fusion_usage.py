"""The section of a card on searching with the model and BM25 together."""

from __future__ import annotations

from evaluation.report.sentences import fusion_helps
from evaluation.retrieval.lexical_terms import STEMMERS, STOP_WORDS
from model_card.card.facts import CardFacts
from model_card.card.sentences import as_code, how_to_load
from pairs.languages import one_language

HOW = """Rank by the model and by BM25, and add 1 / (60 + rank) of the two. A passage that shares no
word with the query gets nothing from BM25."""
EXAMPLE = """import bm25s
import numpy as np
import Stemmer
from sentence_transformers import SentenceTransformer

passages = ["Check the coupling.", "Charge the battery.", "Replace relay K4."]
model = {load}
vectors = model.encode_document(passages)
stemmer = Stemmer.Stemmer("{stemmer}")
terms = {{"stopwords": {stop_words}, "stemmer": stemmer, "show_progress": False}}
bm25 = bm25s.BM25()
bm25.index(bm25s.tokenize(passages, **terms), show_progress=False)


def search(query: str) -> list[str]:
    dense = model.similarity(model.encode_query(query), vectors)[0].numpy()
    words = bm25s.tokenize(query, return_ids=False, **terms)[0]
    lexical = bm25.get_scores([word for word in words if word in bm25.vocab_dict])
    ranks = [(-scores).argsort().argsort() + 1 for scores in (dense, lexical)]
    fused = 1 / (60 + ranks[0]) + (lexical > 0) / (60 + ranks[1])
    return [passages[n] for n in np.argsort(-fused)]


print(search("relay K4 sticks"))"""


def fusion_usage(facts: CardFacts) -> str:
    """Returns how to search with BM25 too; empty where that is not better than the model alone.

    The example is left out for a language that BM25 does not stem.
    """
    if not fusion_helps(facts.evaluation):
        return ""
    code = one_language(",".join(facts.language)) or facts.data.language or ""
    if code not in STEMMERS:
        return HOW
    stop_words = f'"{code}"' if code in STOP_WORDS else "[]"
    load = how_to_load(facts.publication)
    example = EXAMPLE.format(load=load, stop_words=stop_words, stemmer=STEMMERS[code])
    return f"{HOW} With `pip install bm25s PyStemmer`:\n\n{as_code(example, 'python')}"

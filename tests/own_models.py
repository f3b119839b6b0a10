"""Tiny models with prompts and similarities of their own, and their metrics worked out anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.task import RetrievalTask

QUERY_PROMPT, DOCUMENT_PROMPT = "why is the ", "replace the "
PROMPTS = {"query": QUERY_PROMPT, "document": DOCUMENT_PROMPT}
# What `config_sentence_transformers.json` holds, by kind.
KINDS: dict[str, dict[str, Any]] = {
    "prompts": {"prompts": PROMPTS},
    "default_prompt": {"prompts": PROMPTS, "default_prompt_name": "query"},
    "passage": {"prompts": {"query": QUERY_PROMPT, "passage": DOCUMENT_PROMPT}},
    "dot": {"similarity_fn_name": "dot"},
    "euclidean": {"similarity_fn_name": "euclidean"},
    "manhattan": {"similarity_fn_name": "manhattan"},
    "prompts_and_dot": {"prompts": PROMPTS, "similarity_fn_name": "dot"},
}


def own_model(source: Path, folder: Path, kind: str) -> Path:
    """Copy a model with the settings of a kind; without Normalize where it is no cosine."""
    shutil.copytree(source, folder)
    path = folder / "config_sentence_transformers.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **KINDS[kind]}), encoding="utf-8")
    if "similarity_fn_name" in KINDS[kind]:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        (folder / "modules.json").write_text(json.dumps(modules[:2]), encoding="utf-8")
        shutil.rmtree(folder / "2_Normalize", ignore_errors=True)
    return folder


def figures(
    model: SentenceTransformer, task: RetrievalTask, query_prompt: str, document_prompt: str
) -> tuple[float, float]:
    """Recall@5 and MRR with prompts that are put before the texts here, by the model's similarity.

    No tie is expected: scores of different texts differ.
    """
    queries = model.encode([query_prompt + text for text in task.queries], prompt="")
    corpus = model.encode([document_prompt + text for text in task.corpus], prompt="")
    scores = torch.as_tensor(model.similarity(queries, corpus))
    recall = mrr = 0.0
    for row, relevant in zip(scores, task.relevant, strict=True):
        order = row.argsort(descending=True).tolist()
        ranks = sorted(order.index(number) + 1 for number in relevant)
        recall += sum(rank <= 5 for rank in ranks) / len(ranks)
        mrr += 1 / ranks[0]
    return recall / len(task.queries), mrr / len(task.queries)


def own_figures(folder: Path, task: RetrievalTask) -> tuple[float, float]:
    """Recall@5 and MRR as the users of the model have them."""
    model = SentenceTransformer(str(folder), device="cpu")
    has_prompts = "prompts" in json.loads(
        (folder / "config_sentence_transformers.json").read_text(encoding="utf-8")
    ) and any(model.prompts.values())
    return figures(model, task, *((QUERY_PROMPT, DOCUMENT_PROMPT) if has_prompts else ("", "")))


def plain_figures(folder: Path, task: RetrievalTask) -> tuple[float, float]:
    """Recall@5 and MRR without prompts and by cosine."""
    model = SentenceTransformer(str(folder), device="cpu", similarity_fn_name="cosine")
    return figures(model, task, "", "")

"""Two processes of a launcher share the encoding of one evaluation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer
from two_processes import run_in_two

from evaluation.collect import score_models
from evaluation.retrieval.evaluator import aggregate_metrics
from evaluation.retrieval.task import retrieval_task
from pairs.loading import load_pairs

PROJECT = Path(__file__).resolve().parents[2]
QUERIES = 11
# Scores a model on a task; each process writes how much it encoded and what it found.
SCRIPT = """
import json
import os
import sys
from pathlib import Path

import torch.distributed
from sentence_transformers import SentenceTransformer

from evaluation.collect import score_models
from evaluation.retrieval.task import retrieval_task
from pairs.loading import load_pairs

model_folder, data, queries, output = sys.argv[1:]
torch.distributed.init_process_group("gloo")
model = SentenceTransformer(model_folder, device="cpu")
encoded = []
model[0].register_forward_pre_hook(lambda _, given: encoded.append(len(given[0]["input_ids"])))
task = retrieval_task(load_pairs(data), range(int(queries)))
results, scorers = score_models({"tiny": model}, task, batch_size=4, progress=False)
content = {
    "encoded": sum(encoded),
    "rows": {name: [vars(row) for row in rows] for name, rows in results.items()},
    "scorers": list(scorers),
}
file = Path(output, f"process-{os.environ['RANK']}.json")
file.write_text(json.dumps(content), encoding="utf-8")
torch.distributed.destroy_process_group()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by")
def test_two_processes_share_the_encoding_and_only_the_first_has_results(
    tiny_model: SentenceTransformer, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    task = retrieval_task(load_pairs(two_domains), range(QUERIES))
    alone = score_models({"tiny": tiny_model}, task, batch_size=4, progress=False)[0]["tiny"]
    assert 0 < aggregate_metrics(alone).overall["recall@5"] < 1
    first, second = run_in_two(SCRIPT, tmp_path, tiny_model_folder, two_domains, QUERIES, tmp_path)
    # Eleven queries and eighty passages: six and forty in the first process, the rest in the other.
    assert (first["encoded"], second["encoded"]) == (46, 45)
    assert first["scorers"] == list(first["rows"]) == ["tiny"]
    assert [row["query_id"] for row in first["rows"]["tiny"]] == task.query_ids
    assert [row["ranks"] for row in first["rows"]["tiny"]] == [row.ranks for row in alone]
    for row, expected in zip(first["rows"]["tiny"], alone, strict=True):
        assert row["top_scores"] == pytest.approx(expected.top_scores, abs=1e-5)
    assert (second["scorers"], second["rows"]) == ([], {})

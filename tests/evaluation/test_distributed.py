"""Two processes of a launcher share the encoding of one evaluation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

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


def run_in_two(folder: Path, model: Path, data: Path) -> list[dict[str, Any]]:
    """Run the script in two processes and give what each of them wrote."""
    script = folder / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    path = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, *launcher, script, model, data, str(QUERIES), folder],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    files = [folder / f"process-{rank}.json" for rank in (0, 1)]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by")
def test_two_processes_share_the_encoding_and_only_the_first_has_results(
    tiny_model: SentenceTransformer, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    task = retrieval_task(load_pairs(two_domains), range(QUERIES))
    alone = score_models({"tiny": tiny_model}, task, batch_size=4, progress=False)[0]["tiny"]
    assert 0 < aggregate_metrics(alone).overall["recall@5"] < 1
    first, second = run_in_two(tmp_path, tiny_model_folder, two_domains)
    # Eleven queries and eighty passages: six and forty in the first process, the rest in the other.
    assert (first["encoded"], second["encoded"]) == (46, 45)
    assert first["scorers"] == list(first["rows"]) == ["tiny"]
    assert [row["query_id"] for row in first["rows"]["tiny"]] == task.query_ids
    assert [row["ranks"] for row in first["rows"]["tiny"]] == [row.ranks for row in alone]
    for row, expected in zip(first["rows"]["tiny"], alone, strict=True):
        assert row["top_scores"] == pytest.approx(expected.top_scores, abs=1e-5)
    assert (second["scorers"], second["rows"]) == ([], {})

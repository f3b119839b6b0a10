"""Do other tools give the vectors of sentence-transformers with a packaged model?

    python benchmarks/clients.py --folder ../clients
    python benchmarks/clients.py --folder ../clients --only fastembed langchain

Packages all-MiniLM-L6-v2 with its ONNX files, publishes it in a local hub, and encodes the same
texts, some longer than the model reads, with each client in a virtual environment of its own (up to
2 GB and some minutes; kept in --folder for the next time). Prints the largest difference to
sentence-transformers by the folder and, without network, by the name in the hub. MTEB's evaluator
scores the held-out queries of the default data. The exit code is 1 where a client that should agree
does not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from older_versions import ALL_TEXTS as SHORT_TEXTS
from older_versions import TORCH, save_as_trained

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from model_card.export.variants import VARIANTS, build_variants
from model_card.hubs import open_hub
from model_card.package.build import build_package
from model_card.package.samples import encode_texts
from nic.encoding import DOCUMENT
from nic.models import find_model, load_model
from nic_encoder import OnnxEncoder
from pairs.loading import load_pairs
from pairs.readers import DEFAULT_FILE
from pairs.split import split_pairs

REPOSITORY, TAG = "org/minilm", "v1.0"
TOLERANCE = 1e-5
# About 200 tokens: more than the 128 that the tokenizer of MiniLM names, less than it reads.
LONG = " ".join(f"Step {n}: loosen bolt {n} and check the hose." for n in range(18))
KINDS = {**SHORT_TEXTS, LONG: DOCUMENT}
ALL_TEXTS = list(KINDS)
SETTINGS = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
# What a client in Python begins and ends with: `model` is the folder or the name.
START = "import json, sys\nmodel, hub = sys.argv[1:]\ntexts = json.load(sys.stdin)\n"
END = "\nprint(json.dumps([[float(x) for x in vector] for vector in vectors]))\n"
LANGCHAIN = (
    START
    + """
from langchain_huggingface import HuggingFaceEmbeddings
embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
vectors = embeddings.embed_documents(texts)
"""
    + END
)
HAYSTACK = (
    START
    + """
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersTextEmbedder,
)
from haystack.utils import ComponentDevice
cpu = ComponentDevice.from_str("cpu")
embedder = SentenceTransformersTextEmbedder(model=model, device=cpu, progress_bar=False)
embedder.warm_up()
vectors = [embedder.run(text)["embedding"] for text in texts]
"""
    + END
)
CHROMA = (
    START
    + """
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
vectors = SentenceTransformerEmbeddingFunction(model_name=model, device="cpu")(texts)
"""
    + END
)
TXTAI = (
    START
    + """
from txtai import Embeddings
vectors = Embeddings(path=model, gpu=False).batchtransform(texts)
"""
    + END
)
AUTO_MODEL = (
    START
    + """
import torch
from transformers import AutoModel, AutoTokenizer
tokenizer, encoder = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model)
inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    tokens = encoder(**inputs).last_hidden_state
mask = inputs["attention_mask"].unsqueeze(-1)
means = (tokens * mask).sum(1) / mask.sum(1)
vectors = torch.nn.functional.normalize(means)
"""
    + END
)
LANCEDB = (
    START
    + """
from lancedb.embeddings import get_registry
embed = get_registry().get("sentence-transformers").create(name=model, device="cpu")
vectors = embed.generate_embeddings(texts)
"""
    + END
)
ONNX = (
    START
    + """
from sentence_transformers import SentenceTransformer
files = {"file_name": "onnx/FILE", "provider": "CPUExecutionProvider"}
vectors = SentenceTransformer(model, device="cpu", backend="onnx", model_kwargs=files).encode(texts)
"""
    + END
)
FASTEMBED = (
    START
    + """
from pathlib import Path
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
TextEmbedding.add_custom_model(
    model="org/minilm",
    pooling=PoolingType.MEAN,
    normalization=True,
    sources=ModelSource(hf="org/minilm"),
    dim=384,
    model_file="onnx/FILE",
)
place = {"specific_model_path": model} if Path(model).is_dir() else {"cache_dir": hub}
embedding = TextEmbedding("org/minilm", local_files_only=True, **place)
vectors = list(embedding.embed(texts))
"""
    + END
)
LLAMA_INDEX = (
    START
    + """
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
embedding = HuggingFaceEmbedding(model_name=model, device="cpu", cache_folder=hub)
vectors = embedding.get_text_embedding_batch(texts)
"""
    + END
)


TRANSFORMERS_JS = """
import { readFileSync } from "node:fs";
import { env, pipeline } from "@huggingface/transformers";
const [folder] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = folder.slice(0, folder.lastIndexOf("/"));
const name = folder.slice(folder.lastIndexOf("/") + 1);
const embed = await pipeline("feature-extraction", name, { dtype: "q8" });
const vectors = [];
for (const text of JSON.parse(readFileSync(0, "utf8")))
  vectors.push((await embed(text, { pooling: "mean", normalize: true })).tolist()[0]);
console.log(JSON.stringify(vectors));
"""
MTEB = """
import json, sys
import mteb
from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata
from sentence_transformers import SentenceTransformer
task = json.load(sys.stdin)

class HeldOut(AbsTaskRetrieval):
    metadata = TaskMetadata(
        name="HeldOut",
        description="The held-out queries of the default data",
        dataset={"path": "local", "revision": "1"},
        type="Retrieval",
        category="t2t",
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
    )

    def load_data(self, **kwargs):
        self.dataset = {"default": {"test": {
            "corpus": Dataset.from_list(task["corpus"]),
            "queries": Dataset.from_list(task["queries"]),
            "relevant_docs": task["relevant"],
            "top_ranked": None,
        }}}
        self.data_loaded = True

model = SentenceTransformer(sys.argv[1], device="cpu")
found = mteb.evaluate(model, HeldOut(), cache=None, show_progress_bar=False)
print(json.dumps(found.task_results[0].scores["test"][0], default=str))
"""
# What MTEB calls our metrics; its MRR ends at 1,000 passages, more than there are.
MTEB_NAMES = {
    "recall@1": "recall_at_1",
    "recall@5": "recall_at_5",
    "recall@10": "recall_at_10",
    "mrr": "mrr_at_1000",
    "ndcg@10": "ndcg_at_10",
}


@dataclass(frozen=True)
class Client:
    """A tool that encodes texts with a packaged model.

    Attributes:
        name: Its name in the table.
        packages: What is installed in its environment; the first names it.
        code: The program: it reads texts and prints vectors, both as JSON.
        variant: What its vectors are compared with: torch, fp32 or int8.
        by_name: Whether it takes a name in a local hub without network.
    """

    name: str
    packages: tuple[str, ...]
    code: str
    variant: str = "torch"
    by_name: bool = True


def file(code: str, name: str = "model.onnx") -> str:
    """Returns a program that reads one of the ONNX files."""
    return code.replace("FILE", name)


ST = "sentence-transformers"
BACKEND = ("sentence-transformers[onnx]==5.7.*",)
INT8 = "model_quantized.onnx"
CLIENTS = (
    Client("LangChain", ("langchain-huggingface", ST, TORCH), LANGCHAIN),
    Client("Haystack", ("sentence-transformers-haystack", "haystack-ai", TORCH), HAYSTACK),
    Client("Chroma", ("chromadb", ST, TORCH), CHROMA),
    Client("LanceDB", ("lancedb", ST, "pandas", TORCH), LANCEDB),
    Client("LlamaIndex", ("llama-index-embeddings-huggingface", TORCH), LLAMA_INDEX),
    Client("txtai", ("txtai", TORCH), TXTAI),
    Client("AutoModel", ("transformers", TORCH), AUTO_MODEL),
    Client("ONNX backend", (*BACKEND, "optimum-onnx", TORCH), file(ONNX), "fp32", False),
    Client(
        "ONNX backend, int8", (*BACKEND, "optimum-onnx", TORCH), file(ONNX, INT8), "int8", False
    ),
    Client("FastEmbed", ("fastembed",), file(FASTEMBED), "fp32"),
    Client("FastEmbed, int8", ("fastembed",), file(FASTEMBED, INT8), "int8"),
    Client("FastEmbed 0.7", ("fastembed==0.7.*",), file(FASTEMBED), "fp32"),
    Client("transformers.js", ("@huggingface/transformers",), TRANSFORMERS_JS, "int8", False),
)
EVALUATOR = Client("MTEB", ("mteb", TORCH), MTEB)
# transformers.js cuts off the closing [SEP] of a text that is longer than the model reads.
KNOWN = {"transformers.js": 2e-2}


def prepare(work: Path) -> tuple[Path, Path]:
    """Returns a packaged all-MiniLM-L6-v2 with its ONNX files, and a local hub that holds it."""

    def add_variants(folder: Path) -> dict[str, Any]:
        build_variants(folder, folder)
        return {}

    package = build_package(
        save_as_trained(work / "saved"),
        work / "package",
        allow_failed_gates="a base model",
        add_files=add_variants,
    )
    open_hub(work / "hub").publish(package, REPOSITORY, TAG)
    return package, work / "hub"


def install(client: Client, folder: Path) -> list[str]:
    """Makes the environment of a client, or finds it.

    Returns:
        The start of the command that runs a program of the client.
    """
    place = folder / "-".join(
        client.packages[0].translate(str.maketrans("[]=*@/<>,", " " * 9)).split()
    )
    if client.packages[0].startswith("@"):
        place.mkdir(parents=True, exist_ok=True)
        # onnxruntime-node comes with its CPU build; its script would fetch the one for CUDA.
        command = ["npm", "install", "--silent", "--ignore-scripts", *client.packages]
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
        return ["node", str(place / "client.mjs")]
    interpreter = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not interpreter.exists():
        venv.create(place, with_pip=True)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *client.packages], check=True)
    return [str(interpreter), str(place / "client.py")]


def versions(client: Client, command: Sequence[str]) -> str:
    """Returns the versions of the packages of a client, and of sentence-transformers."""
    if client.packages[0].startswith("@"):
        package = Path(command[1]).parent / "node_modules" / client.packages[0] / "package.json"
        return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    code = (
        "import json, sys\nfrom importlib.metadata import distributions\n"
        "print(json.dumps({d.name.lower(): d.version for d in distributions()}))"
    )
    run = subprocess.run([command[0], "-c", code], capture_output=True, text=True, check=True)
    installed = json.loads(run.stdout)
    names = [package.split("[")[0].split("=")[0] for package in client.packages]
    shown = dict.fromkeys([names[0], ST])
    return ", ".join(f"{name} {installed[name]}" for name in shown if name in installed)


def run_client(
    client: Client, command: Sequence[str], given: Any, model: str, hub: Path
) -> tuple[Any, str]:
    """Runs a client offline, with a local hub as the Hub's cache.

    Returns:
        What it printed as JSON, None where it failed, and the last line that it said.
    """
    Path(command[1]).write_text(client.code, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [*command, model, str(hub)],
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
        env={**kept, **SETTINGS, "HF_HUB_CACHE": str(hub)},
    )
    if result.returncode:
        return None, (result.stderr.strip().splitlines() or ["no message"])[-1][:150]
    return json.loads(result.stdout.splitlines()[-1]), ""


def compare(client: Client, folder: Path, package: Path, hub: Path, expected: np.ndarray) -> bool:
    """Prints the line of a client; returns whether it gives the expected vectors."""
    command = install(client, folder)
    found: list[str] = []
    agrees = True
    for model in (str(package), REPOSITORY) if client.by_name else (str(package),):
        vectors, said = run_client(client, command, ALL_TEXTS, model, hub)
        difference = np.inf if vectors is None else np.abs(np.array(vectors) - expected).max()
        agrees &= bool(difference <= KNOWN.get(client.name, TOLERANCE))
        found.append(f"{difference:.1e}{said and f' ({said})'}")
    by_name = found[1] if client.by_name else "needs the folder"
    told = versions(client, command)
    print(f"| {client.name} | {told} | {client.variant} | {found[0]} | {by_name} |", flush=True)
    return agrees


def compare_mteb(folder: Path, package: Path, hub: Path) -> bool:
    """Prints the metrics of MTEB's retrieval evaluator beside ours; returns whether they agree."""
    pairs = load_pairs(DEFAULT_FILE)
    task = retrieval_task(pairs, split_pairs(pairs, 0.1, seed=42).validation)
    evaluator = DomainRetrievalEvaluator(task)
    ours = evaluator.evaluate(load_model(find_model(str(package)), "cpu")).overall
    given = {
        "corpus": [
            {"id": id_, "text": text, "title": ""}
            for id_, text in zip(task.passage_ids, task.corpus, strict=True)
        ],
        "queries": [
            {"id": id_, "text": text}
            for id_, text in zip(task.query_ids, task.queries, strict=True)
        ],
        "relevant": {
            id_: {task.passage_ids[number]: 1 for number in relevant}
            for id_, relevant in zip(task.query_ids, task.relevant, strict=True)
        },
    }
    command = install(EVALUATOR, folder)
    theirs, said = run_client(EVALUATOR, command, given, str(package), hub)
    if theirs is None:
        print(f"MTEB failed: {said}")
        return False
    told, sizes = versions(EVALUATOR, command), (len(task.queries), len(task.corpus))
    print("\n{}: {} queries, {} passages\n".format(told, *sizes))
    print("| metric | NIC Embeddings | MTEB |\n|---|--:|--:|")
    for key, name in MTEB_NAMES.items():
        print(f"| {key} | {ours[key]:.5f} | {theirs[name]:.5f} |")
    return all(abs(ours[key] - theirs[name]) < 1e-5 for key, name in MTEB_NAMES.items())


def main() -> int:
    """Prints a line for each client, then the metrics of MTEB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the environments here")
    parser.add_argument("--only", nargs="+", help="only clients whose names begin so; mteb too")
    arguments = parser.parse_args()
    starts = tuple(name.lower() for name in arguments.only or [""])
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        folder = (arguments.folder or work).resolve()
        package, hub = prepare(work)
        expected = {
            "torch": encode_texts(package, KINDS),
            **{name: OnnxEncoder(package, variant=name).encode(ALL_TEXTS) for name in VARIANTS},
        }
        print("| client | versions | variant | by folder | by name in a local hub |")
        print("|---|---|---|--:|--:|")
        agree = [
            compare(client, folder, package, hub, expected[client.variant])
            for client in CLIENTS
            if client.name.lower().startswith(starts)
        ]
        if EVALUATOR.name.lower().startswith(starts):
            agree.append(compare_mteb(folder, package, hub))
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())

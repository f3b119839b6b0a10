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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from older_versions import MORE_TEXTS, TORCH, save_as_trained

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from model_card.export.variants import build_variants
from model_card.hubs import open_hub
from model_card.package.build import build_package
from model_card.package.samples import TEXTS, encode_texts
from nic.models import find_model, load_model
from nic_encoder import OnnxEncoder
from pairs.loading import load_pairs
from pairs.readers import DEFAULT_FILE
from pairs.split import split_pairs

REPOSITORY, TAG = "org/minilm", "v1.0"
TOLERANCE = 1e-5
# About 200 tokens: more than the 128 that the tokenizer of MiniLM names, less than it reads.
LONG = " ".join(f"Step {n}: loosen bolt {n} and check the hose." for n in range(18))
ALL_TEXTS = [*TEXTS, *MORE_TEXTS, LONG]
NORMALISED = "vectors = [v / sum(x * x for x in v) ** 0.5 for v in vectors]"
SETTINGS = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
# What each client runs: `model` is the folder or the name, `hub` the local hub, `texts` the texts.
START = "import json, sys\nmodel, hub = sys.argv[1:]\ntexts = json.load(sys.stdin)\n"
END = "\nprint(json.dumps([[float(x) for x in vector] for vector in vectors]))\n"
LANGCHAIN = """
from langchain_huggingface import HuggingFaceEmbeddings
embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
vectors = embeddings.embed_documents(texts)
"""
HAYSTACK = """
from haystack.components.embedders import SentenceTransformersTextEmbedder
from haystack.utils import ComponentDevice
cpu = ComponentDevice.from_str("cpu")
embedder = SentenceTransformersTextEmbedder(model=model, device=cpu, progress_bar=False)
embedder.warm_up()
vectors = [embedder.run(text)["embedding"] for text in texts]
"""
CHROMA = """
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
vectors = SentenceTransformerEmbeddingFunction(model_name=model, device="cpu")(texts)
"""
TXTAI = """
from txtai import Embeddings
vectors = Embeddings(path=model, gpu=False).batchtransform(texts)
"""
AUTO_MODEL = """
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
LANCEDB = """
from lancedb.embeddings import get_registry
embed = get_registry().get("sentence-transformers").create(name=model, device="cpu")
vectors = embed.generate_embeddings(texts)
"""
ONNX = """
from sentence_transformers import SentenceTransformer
files = {"file_name": "onnx/FILE", "provider": "CPUExecutionProvider"}
vectors = SentenceTransformer(model, device="cpu", backend="onnx", model_kwargs=files).encode(texts)
"""
FASTEMBED = """
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
LLAMA_INDEX = """
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
embedding = HuggingFaceEmbedding(model_name=model, device="cpu", cache_folder=hub)
vectors = embedding.get_text_embedding_batch(texts)
"""


@dataclass(frozen=True)
class Client:
    """A tool that encodes texts with a packaged model.

    Attributes:
        name: Its name in the table.
        packages: What is installed in its environment; the versions of those in `shown` are told.
        code: Sets `vectors` from `model`, `hub` and `texts`.
        shown: Names of packages.
        variant: The file of the model that it runs: torch, fp32 or int8.
        by_name: Whether it takes a name in a local hub without network.
    """

    name: str
    packages: tuple[str, ...]
    code: str
    shown: tuple[str, ...]
    variant: str = "torch"
    by_name: bool = True

    @property
    def key(self) -> str:
        """Returns the name on the command line; clients of one environment share its folder."""
        return self.name.lower().replace(" ", "-")


def with_torch(name: str, *packages: str, code: str, **options: Any) -> Client:
    """Returns a client that needs PyTorch; the first package is the client's own."""
    shown = (packages[0].split("[")[0].split("=")[0], *options.pop("shown", ()))
    return Client(name, (TORCH, *packages), code, shown, **options)


ST = "sentence-transformers"
BACKEND = (f"{ST}[onnx]==5.7.*",)
INT8 = "model_quantized.onnx"
CLIENTS = (
    with_torch("LangChain", "langchain-huggingface", ST, code=LANGCHAIN, shown=(ST,)),
    with_torch("Haystack", "haystack-ai", ST, code=HAYSTACK, shown=(ST,)),
    with_torch("Chroma", "chromadb", ST, code=CHROMA, shown=(ST,)),
    with_torch("LanceDB", "lancedb", ST, "pandas", code=LANCEDB, shown=(ST,)),
    with_torch("LlamaIndex", "llama-index-embeddings-huggingface", code=LLAMA_INDEX, shown=(ST,)),
    with_torch("txtai", "txtai", code=TXTAI, shown=("transformers",)),
    with_torch("AutoModel", "transformers", code=AUTO_MODEL),
    with_torch(
        "ONNX backend",
        *BACKEND,
        code=ONNX.replace("FILE", "model.onnx"),
        shown=("optimum-onnx",),
        by_name=False,
    ),
    with_torch(
        "ONNX backend int8",
        *BACKEND,
        code=ONNX.replace("FILE", INT8),
        shown=("optimum-onnx",),
        variant="int8",
        by_name=False,
    ),
)

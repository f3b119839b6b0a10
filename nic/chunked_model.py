"""A SentenceTransformer that runs each text of a batch once, beside texts of its own length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch.nn.utils.rnn import pad_sequence
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from nic.sharing import Sharing

Features = dict[str, Any]
# One text without padding: its ids, its mask and what else has a value for each token.
Row = dict[str, torch.Tensor]
# Embeds texts up to the last module: `(texts, dim)`.
Front = Callable[[Sequence[Row]], torch.Tensor]

# Tokens of a chunk, padding included. The activations of a chunk should stay in the cache of a
# processor; an accelerator needs more of them to be busy. See docs/performance.md.
CPU_TOKENS = 1024
ACCELERATOR_TOKENS = 16_384
# Tokens that are remembered, about 24 bytes each; further texts are tokenized each time.
REMEMBERED_TOKENS = 1 << 24
# Letters of a text that are tokenized, and those for each token that a model reads: all that it
# reads of any text but one of spaces. A tokenizer reads a text whole before it truncates.
MOST_LETTERS, LETTERS_A_TOKEN = 100_000, 64
# Texts up to this length are trained with plain attention in half precision on a CPU: the backward
# pass of PyTorch's fused attention takes a third of a step there. Without one it is faster.
EAGER_TOKENS = 512
EMBEDDING = "sentence_embedding"
MASK = "attention_mask"
IDS = "input_ids"


class ChunkedSentenceTransformer(SentenceTransformer):
    """Embeds a batch without waste: equal texts once, in chunks of texts of similar length.

    The embeddings are those of `SentenceTransformer` up to rounding. A batch that is not padded at
    the right, or has inputs other than tokens, runs as it is. Chunks give sentence embeddings
    alone, no token embeddings.

    Attributes:
        chunking: Whether batches are chunked; False runs them as `SentenceTransformer` does.
        sharing: Which of several processes embeds which text of a chunked batch, where all of them
            have the same batches; None embeds all texts here.
    """

    chunking = True
    sharing: Sharing | None = None
    _autocast: torch.dtype | None = None
    _attention: str | None = None
    _precision_hooks: Sequence[RemovableHandle] = ()
    _columns: Sequence[Features] = ()
    _remembered: RememberedTokens | None = None
    _front: Front | None = None

    def forward(self, input: Features, **kwargs: Any) -> Features:
        """Embeds a batch.

        Args:
            input: Tensors of `(texts, tokens)`, as `preprocess` gives them.
            **kwargs: Passed on to the modules.

        Returns:
            The same dictionary with `sentence_embedding`, `(texts, dim)`.
        """
        if EMBEDDING in input and _holds(self._columns, input):
            return input
        if self._autocast is None:
            return self._forward(input, **kwargs)
        # One context for all chunks: the weights are cast once in it.
        with torch.autocast(self.device.type, dtype=self._autocast):
            return self._forward(input, **kwargs)

    def _forward(self, input: Features, **kwargs: Any) -> Features:
        rows = token_rows(input) if self.chunking else None
        if rows is None:
            return super().forward(input, **kwargs)
        batch = [*self._others_like(input), (input, rows)]
        embeddings = self._embed([row for _, part in batch for row in part], input, **kwargs)
        parts = embeddings.split([len(part) for _, part in batch])
        for (column, _), embedding in zip(batch, parts, strict=True):
            column[EMBEDDING] = embedding
        return input

    def embed_together(self, columns: Sequence[Features]) -> None:
        """Makes the first call on one of the columns of a batch embed all that are like it.

        Args:
            columns: The columns of the next batch, known by identity; none ends it.
        """
        self._columns = columns

    def use_front(self, front: Front | None) -> None:
        """Takes what comes before the last module from a function from now on; None: computes it.

        Args:
            front: Gives what `embed_front` gives for the texts of a chunked batch.
        """
        self._front = front

    def embed_front(self, rows: Sequence[Row]) -> torch.Tensor:
        """Returns the embeddings of texts before the last module, `(texts, dim)`."""
        modules, embeddings = list(self)[:-1], []
        chunks = plan_chunks([len(row[MASK]) for row in rows], self._chunk_tokens)
        for chunk in chunks:
            features = pad_rows([rows[place] for place in chunk], self._padding_id, self.device)
            for module in modules:
                features = module(features)
            embeddings.append(features[EMBEDDING])
        return torch.cat(embeddings)[_places_in(chunks).to(embeddings[0].device)]

    def run_in(self, dtype: torch.dtype | None) -> None:
        """Runs the encoder in half precision from now on, under autocast.

        Pooling, dense layers and what else comes behind it stay in fp32.

        Args:
            dtype: Such as `torch.bfloat16`; None runs in the precision of the weights.
        """
        for hook in self._precision_hooks:
            hook.remove()
        if self._attention:
            self[0].auto_model.set_attn_implementation(self._attention)
        self._autocast = dtype
        self._precision_hooks, self._attention = (), None
        if dtype:
            self._precision_hooks = (
                # First of all hooks: others look at what the encoder will run in.
                self[0].register_forward_pre_hook(self._begin_half, prepend=True),
                self[0].register_forward_hook(self._end_half),
            )
            encoder = getattr(self[0], "auto_model", None)
            short = self.device.type == "cpu" and (self.max_seq_length or 0) <= EAGER_TOKENS
            if short and isinstance(encoder, PreTrainedModel):
                self._attention = encoder.config._attn_implementation

    @contextmanager
    def embedding_alone(self) -> Iterator[None]:
        """In this block the processes of the run have texts of their own."""
        before, self.sharing = self.sharing, None
        try:
            yield
        finally:
            self.sharing = before

    @contextmanager
    def remembering_tokens(self) -> Iterator[None]:
        """In this block each text is tokenized once."""
        self._remembered = RememberedTokens(super().preprocess)
        try:
            yield
        finally:
            self._remembered = None

    def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> Features:
        """Tokenizes texts as `SentenceTransformer` does; of a very long one its beginning."""
        # Static embeddings read a text whole: their limit is none, or infinite.
        if isinstance(inputs, list) and isinstance(self.max_seq_length, int):
            longest = max(MOST_LETTERS, LETTERS_A_TOKEN * self.max_seq_length)
            inputs = [text[:longest] if isinstance(text, str) else text for text in inputs]
        if self._remembered is None:
            return super().preprocess(inputs, prompt=prompt, **kwargs)
        return self._remembered.batch(inputs, self._padding_id, prompt=prompt, **kwargs)

    @property
    def _padding_id(self) -> int:
        return getattr(self.tokenizer, "pad_token_id", None) or 0

    def _begin_half(self, module: torch.nn.Module, args: Any) -> None:
        torch.set_autocast_enabled(self.device.type, True)
        if self._attention:
            name = "eager" if torch.is_grad_enabled() else self._attention
            if self[0].auto_model.config._attn_implementation != name:
                self[0].auto_model.set_attn_implementation(name)

    def _end_half(self, module: torch.nn.Module, args: Any, features: Features) -> Features:
        torch.set_autocast_enabled(self.device.type, False)
        if "token_embeddings" in features:
            features["token_embeddings"] = features["token_embeddings"].float()
        return features

    def _others_like(self, input: Features) -> list[tuple[Features, list[Row]]]:
        """Returns the other columns of the batch that may run in one chunk with this one."""
        if not _holds(self._columns, input):
            return []
        # Poolings that leave the prompt out read its length.
        ignored = {"prompt_length"} if all(getattr(m, "include_prompt", True) for m in self) else ()
        alike = batch_settings(input, ignored)
        others = [c for c in self._columns if c is not input]
        rows = [token_rows(c) if batch_settings(c, ignored) == alike else None for c in others]
        return [(c, part) for c, part in zip(others, rows, strict=True) if part is not None]

    def _embed(self, rows: list[Row], features: Features, **kwargs: Any) -> torch.Tensor:
        """Returns the embeddings of rows, `(rows, dim)`."""
        places: dict[bytes, int] = {}
        unique: list[Row] = []
        of_row = []
        for row in rows:
            of_row.append(places.setdefault(row_key(row), len(places)))
            if len(places) > len(unique):
                unique.append(row)
        if self.sharing is None:
            return self._embed_unique(unique, of_row, features, **kwargs)
        keys, lengths = [token_key(row[IDS]) for row in unique], [len(row[MASK]) for row in unique]

        def embed(share: Sequence[int]) -> torch.Tensor:
            own = [unique[place] for place in share]
            return self._embed_unique(own, range(len(own)), features, **kwargs)

        embeddings = self.sharing.embed(self.sharing.shares(keys, lengths), embed)
        return embeddings[torch.tensor(of_row, device=embeddings.device)]

    def _embed_unique(
        self, unique: Sequence[Row], of_row: Sequence[int], features: Features, **kwargs: Any
    ) -> torch.Tensor:
        """Returns the embeddings of different texts, `(rows, dim)`: of each row's text."""
        if self._front:
            found = {**features, EMBEDDING: self._front(unique)}
            used = {name: kwargs[name] for name in self[-1].forward_kwargs if name in kwargs}
            return self[-1](found, **used)[EMBEDDING][torch.tensor(of_row, device=self.device)]
        chunks = plan_chunks([len(row[MASK]) for row in unique], self._chunk_tokens)
        embeddings = []
        for chunk in chunks:
            padded = pad_rows([unique[place] for place in chunk], self._padding_id, self.device)
            embeddings.append(super().forward({**features, **padded}, **kwargs)[EMBEDDING])
        where = _places_in(chunks)
        return torch.cat(embeddings)[where[torch.tensor(of_row)].to(embeddings[0].device)]

    @property
    def _chunk_tokens(self) -> int:
        return CPU_TOKENS if self.device.type == "cpu" else ACCELERATOR_TOKENS


class RememberedTokens:
    """The tokens of texts by text, prompt and other arguments of the tokenization.

    Args:
        preprocess: Tokenizes texts that are not known yet.
    """

    def __init__(self, preprocess: Callable[..., Features]) -> None:
        self._preprocess = preprocess
        self._rows: dict[Hashable, Row] = {}
        self._settings: dict[Hashable, Features] = {}
        self._tokens = 0

    def batch(self, texts: Any, padding_id: int, **kwargs: Any) -> Features:
        """Returns the batch that `preprocess` would give, padded at the right to its own width."""
        asked = repr(sorted(kwargs.items()))
        if not texts or not all(isinstance(text, str) for text in texts):
            return self._preprocess(texts, **kwargs)
        unknown = [t for t in dict.fromkeys(texts) if (t, asked) not in self._rows]
        if unknown and not self._learn(unknown, asked, kwargs):
            return self._preprocess(texts, **kwargs)
        rows = [self._rows[text, asked] for text in texts]
        return {**self._settings[asked], **pad_rows(rows, padding_id, torch.device("cpu"))}

    def _learn(self, texts: list[str], asked: str, kwargs: Any) -> bool:
        if self._tokens > REMEMBERED_TOKENS:
            return False
        features = self._preprocess(texts, **kwargs)
        rows = token_rows(features)
        if rows is None:
            return False
        self._settings[asked] = {k: v for k, v in features.items() if k not in rows[0]}
        # Copies: a part of a tensor would keep the whole batch alive.
        copies = [{name: value.clone() for name, value in row.items()} for row in rows]
        self._rows.update(zip([(text, asked) for text in texts], copies, strict=True))
        self._tokens += sum(len(row[MASK]) for row in rows)
        return True


def plan_chunks(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Groups texts of similar length.

    Args:
        lengths: Tokens of each text.
        budget: Tokens of a chunk, padding included; a longer text is a chunk of its own.

    Returns:
        The places of the texts by chunk, the longest texts first.
    """
    chunks: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if chunks and (len(chunks[-1]) + 1) * lengths[chunks[-1][0]] <= budget:
            chunks[-1].append(place)
        else:
            chunks.append([place])
    return chunks


def token_rows(features: Features) -> list[Row] | None:
    """Returns the texts of a batch without their padding.

    Returns:
        One entry a text, on the CPU; None where the batch is not one of tokens padded at the right.
    """
    mask = features.get(MASK)
    if IDS not in features or not isinstance(mask, torch.Tensor) or mask.ndim != 2:
        return None
    tensors = {
        name: v for name, v in features.items() if isinstance(v, torch.Tensor) and v.ndim > 1
    }
    if "cu_seq_lens_q" in features or any(v.shape != mask.shape for v in tensors.values()):
        return None
    on_cpu = {name: value.cpu() for name, value in tensors.items()}
    lengths = on_cpu[MASK].sum(dim=1)
    if not torch.equal(on_cpu[MASK].bool(), torch.arange(mask.shape[1]) < lengths[:, None]):
        return None
    return [
        {name: value[number, :length] for name, value in on_cpu.items()}
        for number, length in enumerate(lengths.tolist())
    ]


def pad_rows(rows: Sequence[Row], padding_id: int, device: torch.device) -> Features:
    """Returns texts as one batch on a device, padded at the right to the longest of them."""
    return {
        name: pad_sequence(
            [row[name] for row in rows],
            batch_first=True,
            padding_value=padding_id if name == IDS else 0,
        ).to(device)
        for name in rows[0]
    }


def row_key(row: Row) -> bytes:
    """Returns what tells a text from every other: its tokens."""
    return b"".join(value.numpy().tobytes() for value in row.values())


def token_key(ids: torch.Tensor) -> bytes:
    """Returns a short name for a text by its token ids, for what is kept of many texts."""
    return hashlib.blake2b(ids.cpu().numpy().tobytes(), digest_size=16).digest()


def batch_settings(features: Features, ignored: Container[str]) -> str:
    """Returns what batches must share to run as one, but for some names."""
    return repr(
        sorted(
            (name, None if isinstance(value, torch.Tensor) and value.ndim > 1 else value)
            for name, value in features.items()
            if name not in ignored
        )
    )


def _places_in(chunks: Sequence[Sequence[int]]) -> torch.Tensor:
    """Returns where each text stands in the chunks, one after the other."""
    return torch.argsort(torch.tensor([place for chunk in chunks for place in chunk]))


def _holds(columns: Sequence[Features], column: Features) -> bool:
    return any(column is other for other in columns)

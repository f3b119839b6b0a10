"""The outputs of the frozen layers, computed once for each text: most of the work on a CPU.

Frozen layers give the same output for a text each time. With these states only the trainable layers
run at a step or an evaluation.
"""

from __future__ import annotations

import logging
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import nn
from torch.utils.hooks import RemovableHandle
from tqdm.auto import tqdm

from nic.chunked_model import (
    CPU_TOKENS,
    IDS,
    MASK,
    Features,
    Row,
    pad_rows,
    plan_chunks,
    token_key,
    token_rows,
)
from nic.errors import UserError
from nic.logs import on_terminal
from training.frozen.encoder_parts import EncoderParts, encoder_parts
from training.frozen.own_texts import PromptedTexts, own_rows, sharing_of

logger = logging.getLogger(__name__)

GIB = 1 << 30
# Parts of an encoder that come after its layers.
ABOVE_THE_LAYERS = ("pooler", "final_norm")


class FrozenStates:
    """Outputs of the frozen layers by token ids; the encoder runs its other layers on them.

    Texts that are not known are computed whenever they come. The states are one array of
    `(tokens, width)`, one text after the other without padding.

    Args:
        model: The model; its encoder is hooked until `detach`.
        frozen: Number of frozen bottom layers, 1 or more.
        dtype: Type of the states. Those in half precision serve under autocast, those in fp32
            without it; two of them can serve one model.
    """

    def __init__(self, model: SentenceTransformer, frozen: int, dtype: torch.dtype) -> None:
        self.frozen = frozen
        self.dtype = dtype
        self._starts: dict[bytes, int] = {}
        self._states = torch.empty(0)
        self._hooks: list[RemovableHandle] = []
        self._current: torch.Tensor | None = None
        self._source = self._parts = encoder_parts(model)
        self.attach(model)

    def __len__(self) -> int:
        """Returns the number of texts whose states are kept."""
        return len(self._starts)

    def attach(self, model: SentenceTransformer) -> None:
        """Serves a model with the same frozen layers, and no other one.

        Raises:
            UserError: The frozen layers are others than those of the states.
        """
        parts = encoder_parts(model)
        if self._starts and not _same_weights(self._source, parts, self.frozen):
            raise UserError("the frozen layers of the saved model are not those of the base model")
        self.detach()
        self._parts = parts
        self._padding_id = model.tokenizer.pad_token_id or 0
        self._frozen_layers = nn.ModuleList(parts.layers[: self.frozen])
        self._free_layers = nn.ModuleList(parts.layers[self.frozen :])
        self._hooks = [
            model[0].register_forward_pre_hook(self._begin),
            parts.embeddings.register_forward_hook(self._embedded),
            model[0].register_forward_hook(self._end, always_call=True),
        ]

    def detach(self) -> None:
        """Leaves the model as it was; the states are kept."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def free(self) -> None:
        """Leaves the model as it was, and frees the memory."""
        self.detach()
        self._starts = {}
        self._states = torch.empty(0)

    def fill(self, rows: Iterable[Row], memory: int, folder: Path, progress: bool = False) -> None:
        """Computes the states of texts.

        Args:
            rows: The texts.
            memory: Bytes that may be kept in memory; more are kept in a file.
            folder: Where that file is; it has no name, so that it ends with the process.
            progress: Whether to show a progress bar.
        """
        self._source = self._parts
        different = {token_key(row[IDS]): row for row in rows}
        keys = sorted(different, key=lambda key: -len(different[key][IDS]))
        lengths = [len(different[key][IDS]) for key in keys]
        self._states = allocate(sum(lengths), self._width, self.dtype, memory, folder)
        start = 0
        bar = tqdm(total=len(keys), desc="Frozen layers", unit="text", disable=not progress)
        with bar, _evaluating(self._parts.encoder):
            for chunk in plan_chunks(lengths, CPU_TOKENS):
                if start + sum(lengths[place] for place in chunk) > len(self._states):
                    break
                texts = [different[keys[place]] for place in chunk]
                states = self._compute(pad_rows(texts, self._padding_id, self._device))
                for place, state in zip(chunk, states, strict=True):
                    self._states[start : start + lengths[place]] = state[: lengths[place]]
                    self._starts[keys[place]] = start
                    start += lengths[place]
                bar.update(len(chunk))
        if len(self) < len(keys):
            logger.warning(
                "The outputs of the frozen layers are kept for %d of %d texts: %s has no room for "
                "the others, which are computed each time; give --frozen-cache-gb more memory",
                len(self),
                len(keys),
                folder,
            )

    @property
    def _width(self) -> int:
        return int(self._parts.encoder.config.hidden_size)

    @property
    def _device(self) -> torch.device:
        return next(self._parts.encoder.parameters()).device

    def _compute(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Returns the outputs of the frozen layers, `(texts, tokens, width)`."""
        outputs: list[torch.Tensor] = []

        def keep(module: nn.Module, args: Any, output: Any) -> None:
            outputs.append(output[0] if isinstance(output, tuple) else output)

        hook = self._frozen_layers[-1].register_forward_hook(keep)
        self._use_layers(self._frozen_layers)
        try:
            half = self.dtype != torch.float32
            with torch.no_grad(), torch.autocast(self._device.type, self.dtype, enabled=half):
                self._parts.encoder(**batch)
        finally:
            self._use_layers(self._parts.layers)
            hook.remove()
        return outputs[0].to(self.dtype)

    def _begin(self, module: nn.Module, args: tuple[Features]) -> None:
        if self._has_their_precision():
            self._current = self._look_up(args[0])
            if self._current is not None:
                self._use_layers(self._free_layers)

    def _embedded(self, module: nn.Module, args: Any, output: Any) -> Any:
        return output if self._current is None else self._current

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        self._current = None
        self._use_layers(self._parts.layers)

    def _has_their_precision(self) -> bool:
        half = self.dtype != torch.float32
        return half == torch.is_autocast_enabled(self._device.type)

    def _look_up(self, features: Features) -> torch.Tensor | None:
        """Returns the states of a batch; None for one that is not padded at the right."""
        rows = token_rows(features)
        if rows is None:
            return None
        ids, mask = features[IDS], features[MASK]
        places = torch.arange(ids.shape[1])
        lengths = torch.tensor([len(row[IDS]) for row in rows])
        starts = torch.tensor([self._starts.get(token_key(row[IDS]), -1) for row in rows])
        unknown = torch.nonzero(starts < 0).flatten()
        states = ids.new_zeros(*ids.shape, self._width, dtype=self.dtype)
        known = torch.nonzero(starts >= 0).flatten()
        if len(known):
            # The padding repeats the last token; the mask leaves it out.
            index = starts[known, None] + torch.minimum(places, lengths[known, None] - 1)
            states[known] = self._states[index]
        if len(unknown):
            states[unknown] = self._compute({IDS: ids[unknown], MASK: mask[unknown]})
        return states

    def _use_layers(self, layers: nn.ModuleList) -> None:
        setattr(self._parts.parent, self._parts.attribute, layers)


def keep_frozen_states(
    model: SentenceTransformer,
    frozen: int,
    texts: Mapping[torch.dtype, PromptedTexts],
    gib: float,
    folder: Path,
) -> list[FrozenStates]:
    """Computes the outputs of the frozen layers, with a progress bar on a terminal.

    Args:
        model: The model, frozen already; it tokenizes the texts.
        frozen: Number of frozen bottom layers.
        texts: The texts that are encoded in each precision, by their prompt.
        gib: Memory for the states of one precision in GiB, more are kept in a file; 0: none.
        folder: The output folder, which that file is in.

    Returns:
        States that serve the model, one for each precision; none where they cannot be kept, which
        is logged with the reason.
    """
    if not frozen or not gib:
        return []
    if model.device.type != "cpu":
        logger.info("Computing the frozen layers each time: faster than fetching, off the CPU")
        return []
    if reason := why_not_kept(model, frozen):
        logger.info("Computing the frozen layers each time: %s", reason)
        return []
    logger.info("Keeping the outputs of the frozen layers, up to %g GiB in memory", gib)
    if sharing := sharing_of(model):
        logger.info("Each of %d processes keeps those of its own texts", sharing.processes)
    found = []
    for dtype, prompted in texts.items():
        states = FrozenStates(model, frozen, dtype)
        states.fill(own_rows(model, prompted), int(gib * GIB), folder, on_terminal())
        found.append(states)
    return found


def why_not_kept(model: SentenceTransformer, frozen: int) -> str | None:
    """Returns why the outputs of the frozen layers cannot be kept; None where they can.

    Args:
        model: The model, frozen already.
        frozen: Number of frozen bottom layers, 1 or more.
    """
    parts = encoder_parts(model)
    config = parts.encoder.config
    if config.model_type not in parts.family.model_types:
        return f"the layers of {type(parts.encoder).__name__} need more than the output below them"
    if config.output_hidden_states or getattr(parts.parent, "conv", None) is not None:
        return f"{type(parts.encoder).__name__} uses the outputs of the lower layers elsewhere too"
    free = {id(p) for layer in parts.layers[frozen:] for p in layer.parameters()}
    for name, parameter in parts.encoder.named_parameters():
        above = name.startswith(ABOVE_THE_LAYERS) or id(parameter) in free
        if parameter.requires_grad and not above:
            return f"{name} is trained and comes before a frozen layer"
    return None


def allocate(
    tokens: int, width: int, dtype: torch.dtype, memory: int, folder: Path
) -> torch.Tensor:
    """Returns an array of `(tokens, width)`: in memory, or else in a file without a name.

    Where the file does not fit on the disk, it has fewer tokens and lies in memory.
    """
    size = tokens * width * dtype.itemsize
    if size <= memory:
        return torch.empty(tokens, width, dtype=dtype)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file.fileno(), size)
            content = mmap.mmap(file.fileno(), size)
    except OSError:
        return torch.empty(memory // (width * dtype.itemsize), width, dtype=dtype)
    return torch.frombuffer(content, dtype=dtype).view(tokens, width)


def _reserve(file: int, size: int) -> None:
    """Takes the space now: writing to a mapped file on a full disk would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)


def _same_weights(one: EncoderParts, other: EncoderParts, frozen: int) -> bool:
    pairs = [(one.embeddings, other.embeddings)]
    pairs += zip(one.shared, other.shared, strict=True)
    pairs += zip(one.layers[:frozen], other.layers[:frozen], strict=True)
    return all(
        torch.equal(first, second)
        for module, same in pairs
        for first, second in zip(module.parameters(), same.parameters(), strict=True)
    )


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)

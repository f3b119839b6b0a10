"""Mixes the trained model with its base, and saves the mixture in its place."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import torch
from torch import nn

from evaluation.mixing import (
    AUTO,
    BASE,
    TUNED,
    WEIGHTS,
    MixingCurve,
    choose_weight,
    measure_mixtures,
)
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator, embed_task
from evaluation.retrieval.query_results import QueryResult, score_task
from evaluation.retrieval.task import RetrievalTask
from nic.chunked_model import ChunkedSentenceTransformer
from training.loop.checkpoints import BEST, copy_model, save_model
from training.output.output_folder import INCOMPLETE
from training.run_data import RunData

logger = logging.getLogger(__name__)

OFF = "off"
Weights = dict[str, torch.Tensor]


def trained_weights(model: nn.Module) -> Weights:
    """Returns copies of the weights that training changes, by name, on the CPU."""
    return {
        name: parameter.detach().to("cpu", copy=True)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def mix(model: nn.Module, base: Weights, tuned: Weights, weight: float) -> None:
    """Gives a model the weights `base + weight * (tuned - base)`; 0 and 1 give those bit for bit.

    Args:
        model: The model.
        base: Its weights before the training, by name; others stay as they are.
        tuned: The same after it.
        weight: Weight of the tuned model, in [0, 1].
    """
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, start in base.items():
            parameters[name].copy_(torch.lerp(start, tuned[name], weight))


def mix_with_base(
    folder: Path,
    model: ChunkedSentenceTransformer,
    base: Weights,
    data: RunData,
    evaluator: DomainRetrievalEvaluator,
    asked: str,
) -> MixingCurve:
    """Measures mixtures of a model with its base, and saves one in the output folder.

    Args:
        folder: The output folder, which holds the tuned model.
        model: The tuned model, in fp32; it becomes the mixture.
        base: Its weights before the training, by name.
        data: Its validation queries choose, and its forgetting probe.
        evaluator: The evaluator of the training.
        asked: "auto", or the weight to take, as a number in (0, 1].

    Returns:
        The curve, with the weight that was taken.
    """
    parameters = dict(model.named_parameters())
    tuned = {name: parameters[name].detach().to("cpu", copy=True) for name in base}
    weights = {BASE, *WEIGHTS} | ({float(asked)} if asked != AUTO else set())
    probe_task = data.probe.task if data.probe else None
    validation: dict[float, list[QueryResult]] = {}
    probe: dict[float, list[QueryResult]] = {}
    for weight in sorted(weights):
        logger.info("Scoring the mixture of weight %g", weight)
        mix(model, base, tuned, weight)
        validation[weight] = score_task(evaluator.embed(model), data.task)
        if probe_task:
            probe[weight] = _score(model, probe_task)
    mixtures = measure_mixtures(validation, probe or None)
    chosen = choose_weight(mixtures) if asked == AUTO else float(asked)
    curve = MixingCurve(asked, chosen, mixtures)
    log_mixing(curve)
    mix(model, base, tuned, chosen)
    if chosen != TUNED:
        staged = folder / (BEST + INCOMPLETE)
        try:
            save_model(model, staged)
            copy_model(staged, folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return curve


def log_mixing(curve: MixingCurve) -> None:
    """Logs each mixture, and which one was taken."""
    for mixture in curve.mixtures:
        probe = f", on the probe {mixture.probe.value:.4f}" if mixture.probe else ""
        forgets = ", significantly worse there than the base" if mixture.forgets else ""
        logger.info(
            "  weight %.2f: %.4f on validation%s%s",
            mixture.weight,
            mixture.validation.value,
            probe,
            forgets,
        )
    logger.info("Saving the mixture of weight %g", curve.weight)
    if curve.chosen.forgets:
        logger.warning(
            "The saved model is significantly worse than its base on the forgetting probe%s",
            ", as is every other mixture" if curve.asked == AUTO else "",
        )


def _score(model: ChunkedSentenceTransformer, task: RetrievalTask) -> list[QueryResult]:
    return score_task(embed_task(model, task), task)

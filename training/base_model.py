"""The base model of a run: where it comes from, and how it is loaded for training."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from model_card.export.exportable import onnx_problem
from model_card.package.compatibility import check_packageable
from nic.chunked_model import ChunkedSentenceTransformer
from nic.encoding import Encoding, check_prompts, set_prompts
from nic.errors import UserError
from nic.model_loading import loading_notes
from nic.models import ModelSource, fetch_model, find_model, load_model, pooling_not_needed
from nic.query_adapter import add_query_adapter, has_query_adapter
from nic.sharing import Sharing
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.frozen.encoder_parts import encoder_parts
from training.frozen.freezing import check_freezable
from training.loop.losses import check_loss
from training.loop.trainer import set_dropout

logger = logging.getLogger(__name__)


def find_base_model(run: RunArguments) -> ModelSource:
    """Returns where the base model comes from; it is on this machine then.

    Raises:
        UserError: It is not found or no model, or a pooling is given beside its own.
    """
    source = fetch_model(find_model(run.base_model, run.base_revision, run.pooling))
    if run.pooling and not source.pooling:
        raise pooling_not_needed(run.pooling, run.base_model)
    return source


def load_base(
    source: ModelSource, run: RunArguments, device: torch.device
) -> ChunkedSentenceTransformer:
    """Returns the base model of a run, with its prompts, its query adapter and its dropout.

    The processes of the run share what they embed with it.

    Raises:
        UserError: It is not found, or a prompt leaves no room for a text.
    """
    model = load_model(source, device)
    set_prompts(model, run.query_prompt, run.document_prompt)
    check_prompts(model, source.name)
    if run.query_adapter and not has_query_adapter(model):
        add_query_adapter(model)
    set_dropout(model, run.dropout)
    model.sharing = Sharing.of_run()
    return model


def load_trainable_model(
    source: ModelSource, run: RunArguments, arguments: TrainingArguments
) -> ChunkedSentenceTransformer:
    """Returns the base model on its device, with the prompts and the dropout of the run.

    Raises:
        UserError: It is not found, a prompt is too long, its layers cannot be frozen, the loss
            cannot train it, or it could not be packaged.
    """
    model = load_base(source, run, arguments.device)
    if has_query_adapter(model) and not run.query_adapter:
        raise UserError(
            f"{source.name}: has a query adapter, behind which its layers stay as they are; train "
            "the adapter on with --query-adapter, or give the base model of it"
        )
    logger.info("Encoding: %s", Encoding.of(model))
    for note in loading_notes(source.name, Path(source.location), model):
        logger.info("%s", note)
    check_packageable(model, source.name)
    if problem := onnx_problem(model):
        logger.warning("%s: the trained model will have no ONNX variant: %s", source.name, problem)
    check_settings(model, run)
    return model


def check_settings(model: ChunkedSentenceTransformer, run: RunArguments) -> None:
    """Refuses settings that do not fit a model, before anything is trained.

    Raises:
        UserError: Its layers cannot be frozen or told apart, or the loss cannot train it.
    """
    if not has_query_adapter(model):
        check_freezable(model, run.freeze_layers)
    if run.layer_lr_decay < 1:
        encoder_parts(model, "--layer-lr-decay")
    check_loss(model, run.loss, vars(run))

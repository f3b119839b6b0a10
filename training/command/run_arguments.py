"""The flags of this project with their defaults and help; importing this imports no PyTorch."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from model_card.card.licensing import read_terms
from nic.errors import UserError, require_value
from nic.models import MINILM
from pairs import data_flags
from pairs.data_flags import ReadsData, one_or_several
from pairs.reading.source import DEFAULT_FILE
from training.loop.loss_options import LossOptions, read_dimensions, read_directions, read_hardness
from training.loop.losses import DEFAULT_LOSS, LOSSES, check_loss_options, loss_help
from training.negatives.settings import PER_ROW

if TYPE_CHECKING:
    from pairs.split import SplitRules

# Negatives of a row that are trained on where no number is asked for.
MOST_NEGATIVES = 8
# Values of --negatives.
AUTO, GIVEN, MINED, NO_NEGATIVES = "auto", "given", "mined", "none"


def flag(
    default: Any,
    help: str,
    metavar: str | None = None,
    aliases: tuple[str, ...] = (),
    choices: Container[str] | None = None,
) -> Any:
    """Returns a dataclass field that `HfArgumentParser` and `help_text` turn into a flag.

    Args:
        default: Its default.
        help: Its help, in one line where possible, with its unit and its sentinel.
        metavar: Name of the value in the help.
        aliases: Shorter spellings; the first one is the name in the help.
        choices: The values that it takes.
    """
    options = {"help": help, "metavar": metavar, "aliases": list(aliases), "choices": choices}
    metadata = {name: value for name, value in options.items() if value}
    if isinstance(default, list):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass
class RunArguments(ReadsData):
    """The arguments of a run that are not the Trainer's, with the names and defaults of the flags.

    Raises:
        UserError: A value is out of its range, or two arguments contradict each other.
    """

    _argument_group_name = "NIC Embeddings"

    data_file: str | list[str] = flag([DEFAULT_FILE], data_flags.FILES, "FILE")
    columns: list[str] = flag([], data_flags.COLUMNS, "ROLE=NAME")
    domain: str | None = flag(None, data_flags.DOMAIN, "NAME")
    domain_from: str | None = flag(None, data_flags.DOMAIN_FROM, "COLUMN")
    sheet: str | None = flag(None, data_flags.SHEET, "NAME")
    base_model: str = flag(MINILM, "folder or Hub name", "MODEL")
    base_revision: str | None = flag(
        None, "branch, tag or commit of a base model on the Hub", "REVISION"
    )
    pooling: str | None = flag(None, "of a base without modules.json: mean, cls, ...", "POOLING")
    query_prompt: str | None = flag(
        None, "put before queries and saved; default: as the base model stores it", "TEXT"
    )
    document_prompt: str | None = flag(None, "put before passages and saved; likewise", "TEXT")
    freeze_layers: int = flag(10, "bottom layers to freeze; 0: none; too many: all but two", "N")
    query_adapter: bool = flag(False, "train a map of the queries alone: the index stays as it is")
    layer_lr_decay: float = flag(
        1.0, "learning rate of a layer, as a share of that of the layer above", "SHARE"
    )
    val_ratio: float = flag(0.1, "share of the passages for validation, 0.05 to 0.2", "SHARE")
    test_ratio: float = flag(
        0.0, "share for the final report; 0: it reports on validation", "SHARE"
    )
    folds: int = flag(0, "models of a cross-validation for the report; 0: none", "K")
    split: str | None = flag(None, "split.json to use again instead of drawing a split", "FILE")
    drop_flagged: str = flag(
        "none", "train without rows that nic-check flags: all, or names of findings", "NAMES"
    )
    keep_apart: Literal["texts", "answers"] = flag(
        "texts", "in a batch: equal texts, or all that answers a query"
    )
    small_domains: Literal["error", "train"] = flag(
        "error", "too small to split: refuse, or train on all"
    )
    hold_out_made: bool = flag(False, "hold out made pairs too, not only train on them")
    known_passages: Literal["none", "half", "all"] = flag(
        "none", "held-out passages whose made pairs are trained on"
    )
    split_by: Literal["passage", "date"] = flag(
        "passage", "hold out a share of the passages, or the latest queries"
    )
    date_field: str = flag("date", "field with the date of a row, for --split-by date", "FIELD")
    dropout: float = flag(0.0, "dropout of the trained layers; slow on a CPU", "SHARE")
    frozen_cache_gb: float = flag(
        4.0, "memory for frozen layers on a CPU; more: a file; 0: none", "GIB"
    )
    eval_corpus_limit: int = flag(0, "passages to rank while training, a sample; 0: all", "N")
    probe: str = flag("general", "forgetting probe: general, none, or a JSONL file", "PROBE")
    gates: str | None = flag(
        None, "YAML file of gate thresholds instead of evaluation/gates.yaml", "FILE"
    )
    gate: bool = flag(False, "exit with 3 if a gate fails; the model is kept")
    speed: bool = flag(True, "measure the latency; its gate fails without it")
    publish_to: str | None = flag(
        None, "publish if the gates pass: folder of a local hub, or URL", "HUB"
    )
    repo_id: str | None = flag(None, "organisation/name to publish it as", "ID")
    revision_tag: str | None = flag(None, 'name of the version, such as "v1.0"', "TAG")
    allow_failed_gates: str | None = flag(
        None, "publish although gates fail; the card shows the reason", "REASON"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = flag(
        "auto", "where to train; auto: the best available"
    )
    loss: str = flag(DEFAULT_LOSS, loss_help(), choices=LOSSES)
    temperature: float | None = flag(
        LossOptions.temperature, "divides similarities; default: 0.05, 1 for dot products", "T"
    )
    directions: str | None = flag(
        LossOptions.directions,
        "of the loss: docs/training.md#losses; default: both",
        "NAMES",
    )
    partition_mode: Literal["joint", "per_direction"] = flag(
        LossOptions.partition_mode, "one softmax, or one each"
    )
    hardness: str | None = flag(
        LossOptions.hardness, "weight of hard negatives in the loss; default: none", "MODE[:N]"
    )
    negatives: Literal["auto", "given", "mined", "none"] = flag(
        "none", "hard negatives: given, mined; auto: mined if none given"
    )
    negatives_per_row: int = flag(
        0, "negatives of a row to train on; 0: all given, up to 8, or one mined", "N"
    )
    guide_margin: float = flag(
        LossOptions.guide_margin,
        "guided losses mask what is closer than the positive less M",
        "M",
    )
    guide_margin_strategy: Literal["absolute", "relative"] = flag(
        LossOptions.guide_margin_strategy, "margin: a similarity, or a share"
    )
    mini_batch_size: int = flag(
        LossOptions.mini_batch_size, "rows embedded at a time by cached losses", "ROWS"
    )
    matryoshka: str | None = flag(
        None, "lengths of embedding to train, as 384,128,64; default: the whole", "N,N,..."
    )
    mix: str = flag("auto", "share of the tuned weights over the base: off, auto, 0 to 1", "SHARE")
    patience: int = flag(0, "evaluations without progress before stopping; 0: no limit", "N")
    keep_checkpoints: int = flag(0, "newest checkpoint-epoch-N folders to keep; 0: all", "N")
    license: str | None = flag(None, "licence for the card, as apache-2.0", "ID")
    language: str | None = flag(None, "languages for the card and BM25, as en or en,de", "CODES")
    resume: bool = flag(False, "continue from the newest checkpoint in --output-dir")
    force: bool = flag(False, "delete the model and the checkpoints in --output-dir")

    def __post_init__(self) -> None:
        """Refuses values out of their ranges and arguments that contradict each other."""
        self.data_file = one_or_several(self.data_file)
        self.columns = sorted(self.source.columns)
        held_out = self.val_ratio + self.test_ratio
        for flag_name, value, holds, allowed in (
            ("--freeze-layers", self.freeze_layers, self.freeze_layers >= 0, "0 or more"),
            ("--val-ratio", self.val_ratio, 0 < self.val_ratio < 1, "a share above 0, below 1"),
            ("--test-ratio", self.test_ratio, 0 <= self.test_ratio < 1, "a share below 1"),
            ("--val-ratio and --test-ratio together", held_out, held_out < 1, "below 1"),
            ("--folds", self.folds, self.folds == 0 or self.folds >= 2, "0, or 2 or more"),
            ("--dropout", self.dropout, 0 <= self.dropout < 1, "0 or more and below 1"),
            (
                "--layer-lr-decay",
                self.layer_lr_decay,
                0 < self.layer_lr_decay <= 1,
                "above 0, up to 1",
            ),
            (
                "--negatives-per-row",
                self.negatives_per_row,
                self.negatives_per_row >= 0,
                "0 or more",
            ),
            ("--patience", self.patience, self.patience >= 0, "0 or more"),
            ("--frozen-cache-gb", self.frozen_cache_gb, self.frozen_cache_gb >= 0, "0 or more"),
            (
                "--eval-corpus-limit",
                self.eval_corpus_limit,
                self.eval_corpus_limit >= 0,
                "0 or more",
            ),
            ("--loss", self.loss, self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            (
                "--negatives",
                self.negatives,
                self.negatives in (AUTO, GIVEN, MINED, NO_NEGATIVES),
                "auto, given, mined or none",
            ),
            ("--keep-checkpoints", self.keep_checkpoints, self.keep_checkpoints >= 0, "0 or more"),
        ):
            require_value(holds, flag_name, value, allowed)
        check_loss_options(self.loss, vars(self))
        if self.directions is not None:
            self.directions = ",".join(read_directions(self.directions))
        read_dimensions(self.matryoshka)
        _check_mix(self.mix)
        if self.folds and self.test_ratio:
            raise UserError(
                "--folds asks each query of a model that was not trained on it; leave out "
                "--test-ratio"
            )
        if self.folds and self.split_by == "date":
            raise UserError("--folds: folds are drawn by passage; leave out --split-by date")
        leaves_out = self.negatives == NO_NEGATIVES
        if leaves_out and read_hardness(self.hardness)[0] == "hard_negatives":
            raise UserError(
                "--hardness hard_negatives: weighs what --negatives none, the default, leaves "
                "out; add --negatives auto, or use --hardness in_batch_negatives"
            )
        if self.query_adapter and (self.matryoshka or self.layer_lr_decay < 1):
            raise UserError(
                "--query-adapter: leaves every layer and the passages as they are; leave out "
                "--matryoshka and --layer-lr-decay"
            )
        if self.negatives_per_row and leaves_out:
            raise UserError(
                "--negatives-per-row: --negatives none, the default, leaves all of them out; add "
                "--negatives auto, given or mined"
            )
        read_terms(self.license, self.language)
        self._check_publishing()
        if self.resume and self.force:
            raise UserError("--resume goes on with what --force would delete; give one of them")

    @property
    def negatives_taken(self) -> int:
        """Returns how many negatives of a row are trained on at most; 0 for none."""
        return 0 if self.negatives == NO_NEGATIVES else self.negatives_per_row or MOST_NEGATIVES

    @property
    def given_taken(self) -> int:
        """Returns how many negatives of the file are trained on at most, of a row; 0 for none."""
        return 0 if self.negatives == MINED else self.negatives_taken

    @property
    def mined_taken(self) -> int:
        """Returns how many negatives are mined at most for a row that needs them."""
        return self.negatives_per_row or PER_ROW

    @property
    def split_rules(self) -> SplitRules:
        """Returns what is held out besides a share of the passages."""
        # Imported late, since it imports `datasets`, which --help need not wait for.
        from pairs.split import SplitRules

        return SplitRules(self.hold_out_made, self.known_passages, self.split_by, self.date_field)

    def inputs(self) -> dict[str, str | list[str] | None]:
        """Returns what the run reads, by flag: paths, and names that are no paths."""
        return {
            "--data-file": [str(path) for path in self.source.found()],
            "--base-model": self.base_model,
            "--split": None if self.resume else self.split,
            "--probe": self.probe,
            "--gates": self.gates,
        }

    def named(self) -> dict[str, str | None]:
        """Returns what a card would show of the flags, by flag: names, prompts, the reason."""
        return {
            "--base-model": self.base_model,
            "--query-prompt": self.query_prompt,
            "--document-prompt": self.document_prompt,
            "--license": self.license,
            "--repo-id": self.repo_id,
            "--revision-tag": self.revision_tag,
            "--allow-failed-gates": self.allow_failed_gates,
        }

    def _check_publishing(self) -> None:
        named = (self.repo_id, self.revision_tag)
        if self.publish_to and not all(named):
            raise UserError(
                "--publish-to: give the name and the version too, with --repo-id and --revision-tag"
            )
        if not self.publish_to and any((*named, self.allow_failed_gates)):
            raise UserError(
                "--repo-id, --revision-tag, --allow-failed-gates: say where with --publish-to"
            )


def _check_mix(mix: str) -> None:
    if mix in ("off", "auto"):
        return
    try:
        fits = 0 < float(mix) <= 1
    except ValueError:
        fits = False
    require_value(fits, "--mix", mix, "off, auto, or a number above 0, up to 1")


@dataclass
class TrainerDefaults:
    """The Trainer's arguments that this project documents, with its own defaults."""

    output_dir: str = flag("models/nic-embeddings-v1.0", "folder of the model", "FOLDER")
    num_train_epochs: float = flag(
        2, "passes over the training half, 1 to 10", "N", aliases=("--epochs",)
    )
    per_device_train_batch_size: int = flag(
        32,
        "rows per batch, of all processes together, 8 to 128",
        "ROWS",
        aliases=("--batch-size", "--batch_size"),
    )
    learning_rate: float = flag(1e-4, "highest learning rate of AdamW, 1e-6 to 1e-4", "RATE")
    weight_decay: float = flag(0.01, "weight decay of AdamW; 0: none", "RATE")
    max_grad_norm: float = flag(1.0, "gradient norm to clip at; 0: do not clip", "NORM")
    lr_scheduler_type: str = flag("cosine", "or cosine_with_restarts, linear, ...", "NAME")
    eval_strategy: str = flag("steps", "or epoch, no; each epoch ends with one anyway", "WHEN")
    eval_steps: float | None = flag(100, "optimizer steps between two evaluations", "STEPS")
    save_strategy: str = flag("epoch", "or steps, no: when to save for --resume", "WHEN")
    logging_steps: float = flag(10, "optimizer steps between two lines of the log", "STEPS")
    dataloader_drop_last: bool = flag(True, "drop the last incomplete batch")
    batch_sampler: str = flag("no_duplicates", "or no_duplicates_hashed, batch_sampler", "NAME")
    precision: Literal["auto", "fp32", "bf16"] = flag(
        "auto", "of the training; auto: bf16 where the hardware has it"
    )
    seed: int = flag(42, "seed of the split, of the batches and of dropout", "N")

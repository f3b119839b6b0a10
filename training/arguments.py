"""The command line: dataclasses that one `HfArgumentParser` turns into flags."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from sentence_transformers import SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from transformers import HfArgumentParser, SchedulerType
from transformers.hf_argparser import HfArg

from nic.devices import check_device
from nic.errors import UserError
from nic.files import read_mapping
from nic.models import MINILM
from pairs.readers import DEFAULT_FILE
from training.loop.losses import DEFAULT_LOSS, LOSSES, loss_help

logger = logging.getLogger(__name__)

PUBLISHING = ("publish_to", "repo_id", "revision_tag", "allow_failed_gates")
USUAL_RANGES = {
    "--epochs": (3, 10),
    "--batch-size": (8, 128),
    "--learning-rate": (1e-6, 1e-4),
    "--freeze-layers": (0, 12),
    "--val-ratio": (0.05, 0.2),
}


@dataclass
class RunArguments:
    """What this project adds to the Trainer's own flags."""

    _argument_group_name = "NIC Embeddings"

    data_file: str = HfArg(
        default=DEFAULT_FILE,
        help="JSONL file of pairs: query, positive, negative, domain; may be gzipped.",
    )
    base_model: str = HfArg(
        default=MINILM,
        help="Model to start from: a folder, or a name on the Hub (its cache is looked at first).",
    )
    freeze_layers: int = HfArg(
        default=10,
        help="Bottom transformer layers to freeze, with the embeddings; 0 freezes nothing. A "
        "number not below the number of layers leaves the top two trainable. Usual: 0 to 12.",
    )
    val_ratio: float = HfArg(
        default=0.1, help="Share of the passages to hold out, in (0, 1). Usual: 0.05 to 0.2."
    )
    test_ratio: float = HfArg(
        default=0.0,
        help="Share of the passages that nothing sees before the final report, in [0, 1); 0 "
        "reports on the part that also chooses the checkpoint.",
    )
    split: str | None = HfArg(
        default=None, help="A split.json to use again in place of drawing a new split."
    )
    small_domains: Literal["error", "train"] = HfArg(
        default="error",
        help="A domain too small to stand in both halves: error refuses, train puts it whole "
        "into training.",
    )
    dropout: float = HfArg(
        default=0.0,
        help="Dropout of the layers that are trained, in [0, 1); MiniLM was pre-trained with 0.1. "
        "Drawing it costs much time on a CPU.",
    )
    frozen_cache_gb: float = HfArg(
        default=4.0,
        help="Memory in GiB for the outputs of the frozen layers, which are then computed once a "
        "text and not at every step; on a CPU only. 0 keeps none.",
    )
    eval_corpus_limit: int = HfArg(
        default=0,
        help="Passages to rank against while training: the relevant ones and a sample of others; "
        "0 takes all. The final report always takes all.",
    )
    probe: str = HfArg(
        default="general",
        help="Forgetting probe of the final report: general, none, or a JSONL file of pairs.",
    )
    gates: str | None = HfArg(
        default=None, help="YAML file of gate thresholds; default: evaluation/gates.yaml."
    )
    gate: bool = HfArg(default=False, help="Exit with 3 where a gate fails; the model is kept.")
    speed: bool = HfArg(
        default=True, help="Measure the latency; without it the latency gate fails as not measured."
    )
    publish_to: str | None = HfArg(
        default=None,
        help="Publish the model when its gates pass: folder of a local hub, or URL of a private "
        "one; needs --repo-id and --revision-tag.",
    )
    repo_id: str | None = HfArg(default=None, help="organisation/name to publish it as.")
    revision_tag: str | None = HfArg(default=None, help='Name of the version, such as "v1.0".')
    allow_failed_gates: str | None = HfArg(
        default=None,
        help="Publish it although gates fail; the reason given here stands in the card.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = HfArg(
        default="auto", help="Where to train; auto takes the best there is."
    )
    loss: str = HfArg(default=DEFAULT_LOSS, help=f"{loss_help()}.", metadata={"choices": LOSSES})
    mini_batch_size: int = HfArg(
        default=16, help="Rows embedded at a time by the cached loss; the plain loss ignores it."
    )
    patience: int = HfArg(
        default=0,
        help="Stop after this many evaluations without a better one; 0 never stops early.",
    )
    keep_checkpoints: int = HfArg(
        default=0, help="How many checkpoint-epoch-N folders to keep, the newest; 0 keeps all."
    )
    resume: bool = HfArg(default=False, help="Go on from the newest checkpoint in --output-dir.")
    force: bool = HfArg(
        default=False, help="Delete the model and the checkpoints that --output-dir already holds."
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UserError: A value is out of its possible range, or two flags contradict each other.
        """
        _require(self.freeze_layers >= 0, "--freeze-layers", self.freeze_layers, "0 or more")
        _require(0 < self.val_ratio < 1, "--val-ratio", self.val_ratio, "a share above 0, below 1")
        _require(0 <= self.test_ratio < 1, "--test-ratio", self.test_ratio, "a share below 1")
        held_out = self.val_ratio + self.test_ratio
        _require(held_out < 1, "--val-ratio and --test-ratio together", held_out, "below 1")
        _require(0 <= self.dropout < 1, "--dropout", self.dropout, "0 or more and below 1")
        _require(self.patience >= 0, "--patience", self.patience, "0 or more")
        _require(self.frozen_cache_gb >= 0, "--frozen-cache-gb", self.frozen_cache_gb, "0 or more")
        _require(
            self.eval_corpus_limit >= 0, "--eval-corpus-limit", self.eval_corpus_limit, "0 or more"
        )
        _require(self.loss in LOSSES, "--loss", self.loss, f"one of {', '.join(LOSSES)}")
        _require(self.mini_batch_size >= 1, "--mini-batch-size", self.mini_batch_size, "1 or more")
        _require(
            self.keep_checkpoints >= 0, "--keep-checkpoints", self.keep_checkpoints, "0 or more"
        )
        named = (self.repo_id, self.revision_tag)
        if self.publish_to and not all(named):
            raise UserError(
                "--publish-to: give the name and the version too, with --repo-id and --revision-tag"
            )
        if not self.publish_to and any((*named, self.allow_failed_gates)):
            raise UserError(
                "--repo-id, --revision-tag, --allow-failed-gates: say where with --publish-to"
            )
        if self.resume and self.force:
            raise UserError("--resume goes on with what --force would delete; give one of them")


@dataclass
class TrainingArguments(SentenceTransformerTrainingArguments):
    """Every flag of `SentenceTransformerTrainingArguments`, with this project's defaults."""

    _argument_group_name = "Trainer"

    output_dir: str = HfArg(
        default="models/nic-embeddings-v1.0", help="Folder for the model, its card and its log."
    )
    num_train_epochs: float = HfArg(
        default=5, aliases=["--epochs"], help="Passes over the training half. Usual: 3 to 10."
    )
    per_device_train_batch_size: int = HfArg(
        default=32,
        aliases=["--batch-size", "--batch_size"],
        help="Rows a batch and device; all other rows of it are negatives. Usual: 8 to 128.",
    )
    learning_rate: float = HfArg(
        default=2e-5, help="Highest learning rate of AdamW. Usual: 1e-6 to 1e-4."
    )
    weight_decay: float = HfArg(default=0.01, help="Weight decay of AdamW; 0 for none.")
    max_grad_norm: float = HfArg(default=1.0, help="Gradient norm to clip at; 0 does not clip.")
    lr_scheduler_type: str = HfArg(
        default="cosine_with_restarts",
        help="cosine_with_restarts restarts every epoch and ends at 1e-6; any other name is the "
        "Trainer's own schedule.",
    )
    eval_strategy: str = HfArg(
        default="steps", help="steps, epoch or no; every epoch ends with one."
    )
    eval_steps: float | None = HfArg(default=100, help="Optimizer steps between two evaluations.")
    save_strategy: str = HfArg(
        default="epoch", help="epoch, steps or no: when to save what --resume needs."
    )
    logging_steps: float = HfArg(default=10, help="Optimizer steps between two lines of the log.")
    dataloader_drop_last: bool = HfArg(default=True, help="Drop the last incomplete batch.")
    batch_sampler: str = HfArg(
        default=BatchSamplers.NO_DUPLICATES.value,
        help="no_duplicates keeps equal texts out of a batch.",
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be, then let the Trainer's own checks run.

        Raises:
            UserError: A value is impossible.
        """
        epochs, batch = self.num_train_epochs, self.per_device_train_batch_size
        _require(epochs > 0 and math.isfinite(epochs), "--epochs", epochs, "more than 0")
        _require(batch >= 2, "--batch-size", batch, "2 or more: the loss needs in-batch negatives")
        rate = self.learning_rate
        _require(0 < rate < 1, "--learning-rate", rate, "more than 0 and less than 1")
        _require(0 <= self.seed < 2**32, "--seed", self.seed, "0 to 4294967295")
        if self.load_best_model_at_end:
            raise UserError(
                "--load_best_model_at_end: checkpoint-best is always kept and becomes the model; "
                "leave this flag out"
            )
        if self.push_to_hub:
            raise UserError("--push_to_hub: training publishes nothing; leave this flag out")
        self.dataloader_pin_memory &= torch.cuda.is_available()
        super().__post_init__()

    @property
    def restarts_every_epoch(self) -> bool:
        """Whether the learning rate follows this project's own schedule."""
        return bool(self.lr_scheduler_type == SchedulerType.COSINE_WITH_RESTARTS)


class CommandParser(HfArgumentParser):
    """An `HfArgumentParser` that takes a YAML file and answers a mistake with one line."""

    def __init__(self) -> None:
        super().__init__(
            [RunArguments, TrainingArguments],
            prog="nic-train",
            description="Fine-tune a sentence-embedding model on triplets of query and passages.",
            allow_abbrev=False,
        )
        self.add_argument(
            "--config", help="YAML file of the same fields; flags win.", metavar="FILE.yaml"
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage of two hundred flags."""
        raise UserError(f"{message}; --help lists every flag")

    def read_config(self, path: str | None) -> list[str]:
        """Turn a YAML file into flags.

        Raises:
            UserError: The file cannot be read, is no mapping, or holds a key that is no flag.
        """
        if path is None:
            return []
        flags: list[str] = []
        for key, value in read_mapping(Path(path), "--config").items():
            flag = f"--{str(key).replace('-', '_')}"
            if flag not in self._option_string_actions or flag in ("--config", "--help"):
                raise UserError(f'{path}: unknown key "{key}"; keys are the names of the flags')
            if value is not None:
                flags += [flag, *_as_arguments(value)]
        return flags


def parse_arguments(argv: Sequence[str] | None = None) -> tuple[RunArguments, TrainingArguments]:
    """Read the command line and the YAML file it names.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: An unknown flag, a value of the wrong type, or an impossible one.
    """
    parser = CommandParser()
    given = list(sys.argv[1:] if argv is None else argv)
    if not {"-h", "--help"} & set(given):
        given = parser.read_config(_config_path(given)) + given
    asked = parser.parse_args(given)
    check_device(asked.device)
    if asked.device == "cpu":
        given += ["--use_cpu", "true"]
    try:
        parsed = parser.parse_args_into_dataclasses(given, look_for_args_file=False)
    except (ValueError, ImportError) as error:
        raise UserError(" ".join(str(error).split())) from error
    return parsed[0], parsed[1]


def warn_outside_usual_range(run: RunArguments, training: TrainingArguments) -> None:
    """Warn of each value outside the range that the runbook gives."""
    values: dict[str, float] = {
        "--epochs": training.num_train_epochs,
        "--batch-size": training.per_device_train_batch_size,
        "--learning-rate": training.learning_rate,
        "--freeze-layers": run.freeze_layers,
        "--val-ratio": run.val_ratio,
    }
    for flag, (low, high) in USUAL_RANGES.items():
        if not low <= values[flag] <= high:
            logger.warning(
                "%s %g is outside its usual range, %g to %g", flag, values[flag], low, high
            )


def asked_arguments(run: RunArguments, training: TrainingArguments) -> dict[str, Any]:
    """The arguments for the metadata: this project's all, the Trainer's where not its default.

    Paths are cut to their last part, so that the metadata names no folder of this machine.
    """
    given = dataclasses.asdict(run)
    ours = {key: _last_part(value) for key, value in given.items() if key not in PUBLISHING}
    theirs = training.to_sanitized_dict()
    keep = [
        field.name for field in dataclasses.fields(TrainingArguments) if _is_set(field, training)
    ]
    skip = {"output_dir", "use_cpu", "logging_dir", "run_name", "local_rank", "disable_tqdm"}
    return ours | {name: theirs[name] for name in keep if name in theirs and name not in skip}


def repeat_command(run: RunArguments, training: TrainingArguments) -> list[str]:
    """The flags that ask for the same training again: those that differ from their defaults."""
    asked = asked_arguments(run, training)
    defaults = asked_arguments(RunArguments(), TrainingArguments(use_cpu=training.use_cpu))
    skip = {"resume", "force", "device", "split"}
    return [
        word
        for name, value in asked.items()
        if name not in skip and value is not None and value != defaults.get(name)
        for word in (f"--{name.replace('_', '-')}", *_as_arguments(value))
    ]


def _is_set(field: dataclasses.Field[Any], training: TrainingArguments) -> bool:
    """Whether a field is one that we redefine, or differs from the Trainer's default."""
    if field.name in TrainingArguments.__annotations__:
        return True
    default = field.default
    if default is dataclasses.MISSING:
        return False
    return bool(getattr(training, field.name) != default)


def _last_part(value: Any) -> Any:
    is_path = isinstance(value, str) and Path(value).exists()
    return Path(value).name if is_path else value


def _config_path(argv: list[str]) -> str | None:
    for position, argument in enumerate(argv):
        if argument.startswith("--config="):
            return argument.removeprefix("--config=")
        if argument == "--config" and position + 1 < len(argv):
            return argv[position + 1]
    return None


def _as_arguments(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [json.dumps(value) if isinstance(value, dict) else str(value)]


def _require(holds: bool, flag: str, value: Any, allowed: str) -> None:
    if not holds:
        raise UserError(f"{flag} {value}: must be {allowed}")

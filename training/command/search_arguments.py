"""The flags of `nic-tune` that `nic-train` does not have; importing this imports no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from nic.errors import UserError, require_value
from training.command.run_arguments import flag

# A search chooses by the validation queries, so its report needs others.
TEST_RATIO = 0.1


@dataclass
class SearchArguments:
    """The arguments of a search over training settings.

    Raises:
        UserError: A value is out of its range, or the package optuna is missing.
    """

    _argument_group_name = "Search"

    trials: int = flag(20, "trainings to compare; the first has the settings given here", "N")
    space: str | None = flag(
        None, "YAML file of the settings to search; default: docs/tuning.md", "FILE"
    )

    def __post_init__(self) -> None:
        """Refuses values out of their ranges, and a search that nothing could run."""
        require_value(self.trials >= 1, "--trials", self.trials, "1 or more")
        if find_spec("optuna") is None:
            raise UserError('nic-tune needs the package optuna: pip install "nic-embeddings[tune]"')

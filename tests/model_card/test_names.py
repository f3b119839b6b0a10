"""Names of repositories: what every hub refuses."""

from __future__ import annotations

import pytest

from model_card.names import check_repo_id
from nic.errors import UserError


def test_a_name_with_an_organisation_is_taken() -> None:
    check_repo_id("org/nic-embeddings-v1.0")


@pytest.mark.parametrize("name", ["nic", "org/a--b", "org/a..b", "a/b/c", "org/x.git", "org/a b"])
def test_a_name_that_hubs_do_not_take_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"--repo-id {name}: "):
        check_repo_id(name)

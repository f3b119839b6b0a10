"""An endpoint that speaks OpenAI's protocol, on this computer unless another is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nic.errors import UserError, one_line

if TYPE_CHECKING:
    from openai import OpenAI

KEY = "OPENAI_API_KEY"
# Of a server that asks for no key; the client refuses an empty one.
NO_KEY = "none"
# Seconds: a small model on a CPU takes minutes for a long passage.
TIMEOUT = 600.0
RETRIES = 3


@dataclass(frozen=True)
class Endpoint:
    """Where queries are generated.

    Attributes:
        url: Base address, such as "http://127.0.0.1:11434/v1".
        model: Name of the model there.
        allow_remote: Whether text may leave this computer.

    Raises:
        UserError: The address is none, or it is of another computer without leave.
    """

    url: str
    model: str
    allow_remote: bool = False

    def __post_init__(self) -> None:
        """Refuses an address that text must not be sent to."""
        parts = _split(self.url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(
                f"--generator {self.shown}: no address; give one such as http://127.0.0.1:11434/v1"
            )
        if not self.is_local and not self.allow_remote:
            raise UserError(
                f"--generator {self.shown}: {parts.hostname} is not this computer, and the "
                "passages would be sent there; say that they may with --allow-remote"
            )

    @property
    def shown(self) -> str:
        """Returns the address for messages, without a name and password in it."""
        return re.sub(r"//[^/]*@", "//***@", self.url)

    @property
    def is_local(self) -> bool:
        """Returns whether the address is of this computer, whatever names resolve to."""
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    def connect(self) -> OpenAI:
        """Returns a client; it follows no redirection, and no proxy from this computer to itself.

        Raises:
            UserError: The package `openai` is missing.
        """
        try:
            from openai import DefaultHttpxClient, OpenAI
        except ImportError as error:
            raise UserError(
                '--generator: needs the package openai; run pip install "nic-embeddings[generator]"'
            ) from error
        web = DefaultHttpxClient(follow_redirects=False, trust_env=not self.is_local)
        return OpenAI(
            base_url=self.url,
            api_key=os.environ.get(KEY) or NO_KEY,
            max_retries=RETRIES,
            timeout=TIMEOUT,
            http_client=web,
        )

    def ask(self, client: OpenAI, messages: Sequence[dict[str, str]]) -> str:
        """Returns what the model answers.

        Raises:
            UserError: The endpoint cannot be reached, or refuses; no key is shown.
        """
        import openai

        given: Any = list(messages)
        try:
            answer = client.chat.completions.create(
                model=self.model, messages=given, temperature=0.7, seed=42
            )
        except openai.APIConnectionError as error:
            raise UserError(
                f"--generator {self.shown}: cannot be reached ({one_line(error)}); start the "
                "server, and run the same command again: no answer is asked for twice"
            ) from error
        except openai.APIStatusError as error:
            key = os.environ.get(KEY)
            said = one_line(error)
            said = said.replace(key, "***") if key else said
            raise UserError(f"--generator {self.shown}: {said}") from error
        except openai.OpenAIError as error:
            raise UserError(f"--generator {self.shown}: no answer ({one_line(error)})") from error
        choices = getattr(answer, "choices", None)
        return (choices[0].message.content or "") if choices else ""


def _split(url: str) -> Any:
    try:
        return urlsplit(url)
    except ValueError:
        return None

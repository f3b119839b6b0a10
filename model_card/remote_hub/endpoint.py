"""The connection to a remote hub: its address, the token, and a client that protects both."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from huggingface_hub import HfApi, constants, set_client_factory
from huggingface_hub.errors import (
    FileMetadataError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import _http

from nic.errors import UserError, no_space_left

if TYPE_CHECKING:
    import httpx2 as httpx
else:
    # The client of huggingface-hub 2 is httpx2, that of 1 is httpx; what is used here is the same.
    httpx = getattr(_http, "httpx2", None) or _http.httpx

TOKEN = re.compile(r"[!-~]+")
# A hub may take minutes to answer a commit of large files; the client's default is to wait forever.
TIMEOUT = httpx.Timeout(600, connect=30)
LONGEST_ANSWER = 200
FOR_NOW = (408, 429, 500, 502, 503, 504)
# How hubs, and above all mirrors to read from, say that they lack a function.
NO_FUNCTION = (404, 405, 501)
# What the client raises for an answer that it cannot interpret.
NO_HUB = (ValueError, KeyError, RuntimeError, FileMetadataError, LocalEntryNotFoundError)
AGAIN = "run the same command again, it goes on where it stopped"


def resolve_address(endpoint: str | None) -> str:
    """Returns the address of the hub: the one given, or that in HF_ENDPOINT.

    Raises:
        UserError: There is none (the public hub is never the default), or it is not safe.
    """
    address = (endpoint or os.environ.get("HF_ENDPOINT") or "").strip().rstrip("/")
    if not address:
        raise UserError(
            "no hub given: name it with --endpoint https://hub.example.org or set HF_ENDPOINT; "
            "the public hub is never taken by itself"
        )
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UserError(f"--endpoint {address}: {error}") from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UserError(
            "--endpoint: give the bare address, such as https://hub.example.org; "
            "the token goes into HF_TOKEN"
        )
    if not host or parts.scheme not in ("http", "https"):
        raise UserError(f"--endpoint {address}: give an address such as https://hub.example.org")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UserError(
            f"--endpoint {address}: token and model would be readable on the way; use https"
        )
    return address


def read_token() -> str | None:
    """Returns the token in HF_TOKEN, in the file HF_TOKEN_PATH, or that of `hf auth login`.

    Raises:
        UserError: The file cannot be read, or its content cannot be a token.
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    place = "HF_TOKEN"
    if not token:
        named = os.environ.get("HF_TOKEN_PATH")
        path = Path(named or constants.HF_TOKEN_PATH).expanduser()
        place = f"HF_TOKEN_PATH {path}"
        if not named and not path.exists():
            return None
        try:
            token = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UserError(f"{place}: {error.strerror}") from error
        except UnicodeDecodeError:
            token = ""
    if not TOKEN.fullmatch(token):
        # Never shown, not even in part; and without the cause, which could hold the text.
        raise UserError(f"{place}: holds no token (one word of plain letters, digits and signs)")
    return token


@contextmanager
def connected(address: str, token: str | None, repo_id: str) -> Iterator[HfApi]:
    """Gives a client of one hub; any failure inside becomes one line without the token.

    Inside the context, for this process: HF_HUB_OFFLINE does not apply, because naming a hub to
    publish to or to download from is more explicit; xet is off, because a hub without it refuses
    such uploads and every hub takes plain ones; the token is sent to the hub's own address only,
    and nothing is sent over plain http to another machine.

    Args:
        address: The address that `resolve_address` returned.
        token: The token that `read_token` returned.
        repo_id: Name of the repository, for the messages.

    Raises:
        UserError: The hub refuses, fails, or cannot be reached.
    """
    offline, no_xet = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET
    factory = _http._GLOBAL_CLIENT_FACTORY
    # Read at each call, and settable from outside only before the first import.
    constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = False, True
    set_client_factory(lambda: _guarded(factory(), address))
    try:
        yield HfApi(endpoint=address, token=token or False)
    except Exception as error:
        explained = _explain(error, address, repo_id, token)
        if explained is None or explained is error:
            raise
        # A hub may repeat the token in its answer, which is then in the text of the cause.
        told = token and any(token in str(link) for link in _chain(error))
        raise explained from (None if told else error)
    finally:
        set_client_factory(factory)
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = offline, no_xet


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status that an exception of the client comes from; None without one."""
    answers = [link for link in _chain(error) if isinstance(link, HfHubHTTPError)]
    return answers[0].response.status_code if answers else None


def _guarded(client: httpx.Client, address: str) -> httpx.Client:
    home = _origin(httpx.URL(address))

    def guard(request: httpx.Request) -> None:
        if request.url.scheme != "https" and not _is_loopback(request.url.host):
            raise UserError(
                f"{address}: wants files sent to {request.url.host} over plain http, where all can "
                "read them; have its administrator set its external address to https"
            )
        if _origin(request.url) != home:
            request.headers.pop("authorization", None)
        given = request.extensions.get("timeout") or {}
        limits = TIMEOUT.as_dict()
        request.extensions["timeout"] = {
            key: limit if given.get(key) is None else given[key] for key, limit in limits.items()
        }

    client.event_hooks["request"].append(guard)
    return client


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain(error: Exception, address: str, repo_id: str, token: str | None) -> UserError | None:
    """Returns the error in one line; None if it has nothing to do with the hub."""
    for link in _chain(error):
        if isinstance(link, UserError):
            return link
        if isinstance(link, HfHubHTTPError):
            said = _plain(link.server_message or link.response.reason_phrase, token)
            return UserError(_refusal(link, said, address, repo_id))
        if isinstance(link, httpx.ConnectError | httpx.ConnectTimeout):
            return UserError(f"{address}: not reachable ({_plain(str(link), token)})")
        if isinstance(link, httpx.HTTPError):
            what = _plain(str(link) or type(link).__name__, token)
            return UserError(f"{address}: connection lost ({what}); {AGAIN}")
    what = _plain(f"{type(error).__name__}: {error}", token)
    if "Consistency check failed" in what:
        return UserError(f"{address}: a file came only in part; {AGAIN}")
    if no_space_left(error) or not isinstance(error, NO_HUB):
        return None
    return UserError(f"{address}: does not answer as a hub does ({what})")


def _refusal(error: HfHubHTTPError, said: str, address: str, repo_id: str) -> str:
    status = error.response.status_code
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return (
            f"{address}: refused the token; put a valid one into HF_TOKEN or the file HF_TOKEN_PATH"
        )
    if status == 403:
        return f"{repo_id} at {address}: the token may not do this ({said}); take one that may"
    if isinstance(error, RepositoryNotFoundError):
        return f"{repo_id} at {address}: not there, or not for this token to see"
    if status == 412:
        return (
            f"{repo_id} at {address}: somebody else published at the same moment; "
            "look at what main holds now, then run the same command again"
        )
    if status in NO_FUNCTION:
        return f"{repo_id} at {address}: {_what_is_missing(error, said, repo_id)}"
    if status in FOR_NOW:
        return f"{address}: fails for now ({status} {said}); {AGAIN}"
    return f"{repo_id} at {address}: refused ({status} {said})"


def _what_is_missing(error: HfHubHTTPError, said: str, repo_id: str) -> str:
    """Returns what a hub lacks by its answer: a revision or file, the repository, or a function."""
    request, status = error.response.request, error.response.status_code
    path = request.url.path
    # The address of an upload may hold a secret.
    shown = path if "/api/" in path or repo_id in path else f"an address of {request.url.host}"
    asked = f"{status} to {request.method} {shown}"
    if error.response.headers.get("X-Error-Code"):
        return f"{said} ({asked})"
    if path.endswith((f"/api/models/{repo_id}", f"/api/models/{repo_id}/revision/main")):
        return (
            f"the repository is not there ({asked}), or this address is not that of a hub; create "
            "the repository, or check --endpoint"
        )
    return (
        f"the hub lacks the function ({asked}: {said}); a mirror to read from takes no uploads: "
        "give --endpoint a hub that does, or publish with --local-hub and copy the folder"
    )


def _plain(text: str, token: str | None) -> str:
    """Returns a hub's message on one line, printable, shortened and without the token."""
    if token:
        text = text.replace(token, "<token>")
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST_ANSWER]

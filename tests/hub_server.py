"""A small in-memory hub on the loopback, which the unmodified huggingface_hub client talks to.

Only for tests. It keeps whole commits as mappings of names to files, large files by their SHA-256,
and fails on request: see `HubServer.break_at`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WRITE_TOKEN = "hf_writeAbC123"
READ_TOKEN = "hf_readDeF456"
ORGANISATION = "org"
# The seconds count the commits of a repository.
DATE = "2026-01-01T00:00:{:02}.000Z"


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self.headers |= headers


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit: its digest, and its bytes unless it is a large one."""

    digest: str
    large: bool
    data: bytes = b""


@dataclass(frozen=True)
class Commit:
    """A whole tree and the commit before."""

    files: dict[str, StoredFile]
    parent: str | None
    title: str
    date: str


@dataclass
class PullRequest:
    """A proposed commit; its branch is refs/pr/NUMBER."""

    number: int
    title: str
    base: str
    status: str = "open"


@dataclass
class HubRepository:
    """Everything of one repository."""

    private: bool | None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: list[PullRequest] = field(default_factory=list)

    def resolve(self, revision: str) -> str:
        """The commit of a branch, a tag, a pull request or a commit."""
        commit = self.branches.get(revision) or self.tags.get(revision, revision)
        if commit not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def head(self, revision: str) -> tuple[str | None, dict[str, StoredFile]]:
        """The commit of a revision and its files; nothing in an empty repository."""
        if not self.commits:
            return None, {}
        commit = self.resolve(revision)
        return commit, self.commits[commit].files

    def add(self, branch: str, files: dict[str, StoredFile], parent: str | None, title: str) -> str:
        """Put a commit onto a branch."""
        tree = {name: file.digest for name, file in files.items()}
        content = json.dumps([tree, parent, title, len(self.commits)], sort_keys=True)
        commit = hashlib.sha1(content.encode()).hexdigest()
        self.commits[commit] = Commit(files, parent, title, DATE.format(len(self.commits)))
        self.branches[branch] = commit
        return commit


@dataclass
class Break:
    """A failure at a request: see `HubServer.break_at`."""

    request: re.Pattern[str]
    status: int | None
    says: str
    done: bool
    act: Callable[[], None] | None
    times: int


@dataclass(frozen=True)
class Request:
    """A request that the hub received."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A response."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def git_sha1(data: bytes) -> str:
    """Returns Git's object name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def store(data: bytes) -> StoredFile:
    """Returns a small file as the hub keeps it."""
    return StoredFile(git_sha1(data), False, data)


class Pause:
    """A request that the hub delays.

    Attributes:
        reached: Set once the request has arrived.
        resume: Set it to let the hub go on.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.resume = threading.Event()

    def __call__(self) -> None:
        """Delays the request."""
        self.reached.set()
        self.resume.wait(300)


class HubServer:
    """The hub; use it as a context.

    Attributes:
        repositories: What it holds, by name.
        objects: Large files by their SHA-256.
        requests: "METHOD path authorization" of every request, in order.
        pull_requests: "yes"; "no": the hub knows none; "ignored": it takes a proposal for a commit.
        corrupt: Names that match have a byte flipped as they are stored.
        tells_role: Whether it says that a token may only read.
        verify_at: Address where large files are confirmed, if it is another one.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, HubRepository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.pull_requests = "yes"
        self.corrupt = ""
        self.tells_role = True
        self.verify_at = ""
        self._breaks: list[Break] = []
        self._pauses: list[Pause] = []
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubServer:
        """Starts to listen."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Resumes every delayed request and stops."""
        for pause in self._pauses:
            pause.resume.set()
        self._server.shutdown()
        self._server.server_close()

    def add_repository(
        self, name: str, private: bool | None = True, empty: bool = False
    ) -> HubRepository:
        """A new repository, with the file that hubs put there or without any commit."""
        repository = HubRepository(private)
        own = {".gitattributes": store(b"*.safetensors lfs\n")}
        if not empty:
            repository.add("main", own, None, "initial")
        self.repositories[name] = repository
        return repository

    def bytes_of(self, file: StoredFile) -> bytes:
        """Returns the bytes that the hub sends for a file."""
        return self.objects[file.digest] if file.large else file.data

    def files(self, name: str, revision: str) -> dict[str, bytes]:
        """The bytes of a revision, without what the hub itself has put there."""
        repository = self.repositories[name]
        files = repository.commits[repository.resolve(revision)].files
        return {path: self.bytes_of(files[path]) for path in files if path != ".gitattributes"}

    def break_at(
        self,
        request: str,
        status: int | None = None,
        says: str = "broken",
        done: bool = False,
        act: Callable[[], None] | None = None,
        times: int = 1,
    ) -> None:
        """Makes requests fail.

        Args:
            request: Regular expression that "METHOD path" has to match.
            status: Answer with this instead; None drops the connection, unless there is an `act`.
            says: The message of that answer.
            done: Do what was asked first.
            act: Call this, and then go on as if nothing had happened.
            times: How many times.
        """
        self._breaks.append(Break(re.compile(request), status, says, done, act, times))

    def pause_at(self, request: str, done: bool = False) -> Pause:
        """Delays a request, before or after what it asks for is done."""
        pause = Pause()
        self._pauses.append(pause)
        self.break_at(request, done=done, act=pause)
        return pause

    def next_break(self, line: str, done: bool) -> Break | None:
        """Returns the failure for a request; None if it does not fail."""
        with self._lock:
            for found in self._breaks:
                if found.times and found.done == done and found.request.search(line):
                    found.times -= 1
                    return found
        return None

    def answer(self, request: Request) -> Answer:
        """Answers a request."""
        with self._lock:
            for method, pattern, act in ROUTES:
                match = re.fullmatch(pattern, request.path)
                if match and request.method in method.split():
                    found = match.groupdict().items()
                    groups = {key: unquote(value) for key, value in found if value}
                    return act(self, request, **groups)
        raise Refused(404, f"no such route: {request.path}")

    def writes(self) -> list[str]:
        """Returns the requests that would change something."""
        harmless = ("validate-yaml",)
        return [
            line
            for line in self.requests
            if line.startswith(("POST", "PUT")) and not any(word in line for word in harmless)
        ]

    def role(self, request: Request) -> str | None:
        """Returns the role of a request's token; None without one."""
        sent = request.headers.get("authorization")
        if sent is None:
            return None
        roles = {f"Bearer {WRITE_TOKEN}": "write", f"Bearer {READ_TOKEN}": "read"}
        if sent not in roles:
            raise Refused(401, "Invalid credentials in Authorization header")
        return roles[sent]

    def must_write(self, request: Request) -> None:
        """Refuses a token that may not write."""
        if self.role(request) != "write":
            raise Refused(403, "You don't have the required permissions")

    def repository(self, request: Request, name: str) -> HubRepository:
        """Returns a repository that the request may see."""
        role, found = self.role(request), self.repositories.get(name)
        if found is None or (found.private and role is None):
            status = 404 if role else 401
            raise Refused(status, "Repository not found", "RepoNotFound")
        return found

    def stored(self, name: str, data: bytes) -> bytes:
        """Returns the bytes that are stored."""
        if self.corrupt and re.search(self.corrupt, name):
            return data[:-1] + bytes([data[-1] ^ 1])
        return data


def _json(value: Any, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), headers=headers)


def whoami(hub: HubServer, request: Request) -> Answer:
    role = hub.role(request)
    if role is None:
        raise Refused(401, "Invalid username or password.")
    auth = {"accessToken": {"role": role if hub.tells_role else "fineGrained"}}
    return _json({"type": "user", "name": "ann", "orgs": [{"name": ORGANISATION}], "auth": auth})


def create(hub: HubServer, request: Request) -> Answer:
    hub.must_write(request)
    asked = request.json
    name = f"{asked['organization']}/{asked['name']}"
    if asked["organization"] != ORGANISATION:
        raise Refused(403, f'You may not create a model under the namespace "{name}"')
    url = f"{hub.address}/{name}"
    if name in hub.repositories:
        raise Refused(409, "You already created this model repo")
    hub.add_repository(name, asked.get("visibility") == "private")
    return _json({"url": url})


def model_info(hub: HubServer, request: Request, name: str, revision: str = "main") -> Answer:
    repository = hub.repository(request, name)
    commit, files = repository.head(revision)
    siblings = [{"rfilename": file} for file in files]
    facts = {"id": name, "sha": commit, "siblings": siblings, "tags": []}
    return _json(facts | ({} if repository.private is None else {"private": repository.private}))


def validate_yaml(hub: HubServer, request: Request) -> Answer:
    return _json({"errors": [], "warnings": []})


def tree(hub: HubServer, request: Request, name: str, revision: str, sub: str = "") -> Answer:
    repository = hub.repository(request, name)
    files = repository.commits[repository.resolve(revision)].files
    inside = {path: file for path, file in files.items() if path.startswith(sub)}
    if not inside:
        raise Refused(404, "no such folder", "EntryNotFound")
    listing = []
    for path, file in inside.items():
        size = len(hub.bytes_of(file))
        entry: dict[str, Any] = {"type": "file", "path": path, "size": size}
        entry["oid"] = file.digest if not file.large else git_sha1(file.digest.encode())
        if file.large:
            entry["lfs"] = {"oid": file.digest, "size": size, "pointerSize": 134}
        listing.append(entry)
    return _json(listing)


def preupload(hub: HubServer, request: Request, name: str, revision: str) -> Answer:
    repository = hub.repository(request, name)
    hub.must_write(request)
    _, there = repository.head(revision)
    modes = []
    for file in request.json["files"]:
        mode = "lfs" if file["path"].endswith(".safetensors") else "regular"
        answer = {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}
        modes.append(
            answer | ({"oid": there[file["path"]].digest} if file["path"] in there else {})
        )
    return _json({"files": modes})


def lfs_batch(hub: HubServer, request: Request, name: str) -> Answer:
    hub.repository(request, name)
    hub.must_write(request)
    objects = []
    for wanted in request.json["objects"]:
        upload = {"href": f"{hub.address}/lfs/{wanted['oid']}?secret=once"}
        verify = {"href": f"{hub.verify_at or hub.address}/lfs-verify"}
        actions = {"actions": {"upload": upload, "verify": verify}}
        there = wanted["oid"] in hub.objects
        objects.append(wanted | ({} if there else actions))
    return _json({"transfer": "basic", "objects": objects})


def lfs_put(hub: HubServer, request: Request, digest: str) -> Answer:
    if request.query.get("secret") != "once":
        raise Refused(403, "no secret")
    if hashlib.sha256(request.body).hexdigest() != digest:
        raise Refused(400, "SHA-256 differs")
    hub.objects[digest] = hub.stored("lfs", request.body)
    return Answer(b"")


def lfs_verify(hub: HubServer, request: Request) -> Answer:
    if len(hub.objects.get(request.json["oid"], b"")) != request.json["size"]:
        raise Refused(404, "not there")
    return _json({})


def commit(hub: HubServer, request: Request, name: str, revision: str) -> Answer:
    repository = hub.repository(request, name)
    hub.must_write(request)
    proposed = "create_pr" in request.query
    if proposed and hub.pull_requests == "no":
        raise Refused(400, "no pull requests here")
    lines = [json.loads(line) for line in request.body.splitlines()]
    header = lines[0]["value"]
    head, _ = repository.head(revision)
    base = header.get("parentCommit", head)
    if not proposed and base != head:
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    files = dict(repository.commits[base].files) if base else {}
    for line in lines[1:]:
        _apply(hub, files, line["key"], line["value"])
    title = header["summary"]
    address = f"{hub.address}/{name}"
    if not proposed or hub.pull_requests == "ignored":
        oid = repository.add(revision, files, base, title)
        return _json({"commitOid": oid, "commitUrl": f"{address}/commit/{oid}"})
    pull = PullRequest(len(repository.pulls) + 1, title, base)
    repository.pulls.append(pull)
    oid = repository.add(f"refs/pr/{pull.number}", files, base, title)
    answer = {"commitOid": oid, "commitUrl": f"{address}/commit/{oid}"}
    return _json(answer | {"pullRequestUrl": f"{address}/discussions/{pull.number}"})


def _apply(hub: HubServer, files: dict[str, StoredFile], key: str, value: Any) -> None:
    path = value["path"]
    if key == "deletedFile":
        del files[path]
    elif key == "lfsFile":
        if value["oid"] not in hub.objects:
            raise Refused(400, f"{path} was not uploaded")
        files[path] = StoredFile(value["oid"], True)
    else:
        files[path] = store(hub.stored(path, base64.b64decode(value["content"])))


def discussions(hub: HubServer, request: Request, name: str) -> Answer:
    repository = hub.repository(request, name)
    if hub.pull_requests == "no":
        raise Refused(404, "no discussions here")
    found = [_discussion(name, pull) for pull in repository.pulls if pull.status == "open"]
    return _json({"count": len(found), "start": 0, "discussions": found})


def _discussion(name: str, pull: PullRequest) -> dict[str, Any]:
    facts = {"title": pull.title, "num": pull.number, "status": pull.status}
    facts |= {"createdAt": DATE.format(pull.number)}
    repository = {"name": name, "type": "model"}
    return {**facts, "author": {"name": "ann"}, "repo": repository, "isPullRequest": True}


def merge(hub: HubServer, request: Request, name: str, number: str) -> Answer:
    repository = hub.repository(request, name)
    hub.must_write(request)
    pull = repository.pulls[int(number) - 1]
    if pull.status != "open":
        raise Refused(409, "not open")
    head = repository.branches["main"]
    base, now = repository.commits[pull.base].files, dict(repository.commits[head].files)
    proposed = repository.commits[repository.branches[f"refs/pr/{number}"]].files
    for path in base.keys() | proposed.keys():
        if base.get(path) == proposed.get(path):
            continue
        if path in proposed:
            now[path] = proposed[path]
        else:
            now.pop(path, None)
    repository.add("main", now, head, f"{pull.title} (#{number})")
    pull.status = "merged"
    return _json({})


def refs(hub: HubServer, request: Request, name: str) -> Answer:
    repository = hub.repository(request, name)

    def listed(kind: str, named: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"name": key, "ref": f"refs/{kind}/{key}", "targetCommit": oid}
            for key, oid in named.items()
            if not key.startswith("refs/")
        ]

    branches, tags = listed("heads", repository.branches), listed("tags", repository.tags)
    return _json({"branches": branches, "tags": tags, "converts": []})


def commits(hub: HubServer, request: Request, name: str, revision: str) -> Answer:
    repository = hub.repository(request, name)
    oid: str | None = repository.resolve(revision)
    listed = []
    while oid:
        commit = repository.commits[oid]
        facts = {"id": oid, "title": commit.title, "message": "", "date": commit.date}
        listed.append({**facts, "authors": [{"user": "ann"}]})
        oid = commit.parent
    return _json(listed)


def create_tag(hub: HubServer, request: Request, name: str, revision: str) -> Answer:
    repository = hub.repository(request, name)
    hub.must_write(request)
    tag = request.json["tag"]
    if tag in repository.tags:
        raise Refused(409, "Tag reference exists already.")
    repository.tags[tag] = repository.resolve(revision)
    return _json({})


def resolve(hub: HubServer, request: Request, name: str, revision: str, path: str) -> Answer:
    repository = hub.repository(request, name)
    oid = repository.resolve(revision)
    file = repository.commits[oid].files.get(path)
    if file is None:
        raise Refused(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": oid})
    data = hub.bytes_of(file)
    headers = {"X-Repo-Commit": oid, "ETag": f'"{file.digest}"'}
    if file.large:
        headers |= {"X-Linked-Etag": f'"{file.digest}"', "X-Linked-Size": str(len(data))}
    if "range" in request.headers:
        start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return Answer(data[start:], 206, headers | {"Content-Range": span})
    return Answer(data, 200, headers)


MODEL = r"/api/models/(?P<name>[^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate_yaml),
    ("GET", MODEL, model_info),
    ("GET", MODEL + "/revision/(?P<revision>[^/]+)", model_info),
    ("GET", MODEL + "/tree/(?P<revision>[^/]+)(/(?P<sub>.+))?", tree),
    ("POST", MODEL + "/preupload/(?P<revision>[^/]+)", preupload),
    ("POST", MODEL + "/commit/(?P<revision>[^/]+)", commit),
    ("GET", MODEL + "/discussions", discussions),
    ("POST", MODEL + "/discussions/(?P<number>[0-9]+)/merge", merge),
    ("GET", MODEL + "/refs", refs),
    ("GET", MODEL + "/commits/(?P<revision>[^/]+)", commits),
    ("POST", MODEL + "/tag/(?P<revision>[^/]+)", create_tag),
    ("POST", r"/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", "/lfs/(?P<digest>[0-9a-f]{64})", lfs_put),
    ("POST", "/lfs-verify", lfs_verify),
    ("GET HEAD", "/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]


class _Handler(BaseHTTPRequestHandler):
    """HTTP with connections that stay open."""

    hub: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two of them wait 40 ms for each other

    def handle_any(self) -> None:
        """Any request."""
        url = urlsplit(self.path)
        line = f"{self.command} {url.path}"
        self.hub.requests.append(f"{line} {self.headers.get('authorization', '-')}")
        if self._breaks(line, done=False):
            return
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(self.command, url.path, query, headers, self._body())
        try:
            answer = self.hub.answer(request)
        except Refused as refused:
            body = json.dumps({"error": str(refused)}).encode()
            answer = Answer(body, refused.status, refused.headers)
        if not self._breaks(line, done=True):
            self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def _breaks(self, line: str, done: bool) -> bool:
        found = self.hub.next_break(line, done)
        if found is None:
            return False
        if found.act:
            found.act()
            return False
        if found.status is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            if not done:
                self._body()
            self._send(Answer(json.dumps({"error": found.says}).encode(), found.status))
        return True

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for key, value in (answer.headers | {"Content-Length": str(len(answer.body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

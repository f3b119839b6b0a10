"""A server on this computer that speaks OpenAI's protocol and answers what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The body of a request, to the status and the answer.
Reply = Callable[[dict[str, Any]], tuple[int, str]]


@contextmanager
def serving(reply: Reply, seen: list[dict[str, Any]]) -> Iterator[str]:
    """Yields the base address of a server; `seen` collects the headers and bodies of requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(
                {
                    "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()},
                    "body": body,
                }
            )
            status, text = reply(body)
            message = {"role": "assistant", "content": text}
            answer: dict[str, Any] = {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
            if status >= 300:
                answer = {"error": {"message": text, "type": "refused", "code": None}}
            content = json.dumps(answer).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", text)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *given: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def queries_of(body: dict[str, Any]) -> str:
    """A right answer to a request: a query of each style that names the first word of the text."""
    asked = body["messages"][1]["content"]
    word = asked.rsplit("The passage:\n", 1)[1].split()[0]
    form = json.loads(asked.split("Answer in this form: ", 1)[1].split("\n", 1)[0])
    found = [{**query, "query": f"{query['style']} about {word}"} for query in form["queries"]]
    return f"Of course! {json.dumps({'queries': found})}"

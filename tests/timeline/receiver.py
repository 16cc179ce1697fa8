"""Receives webhooks as somebody else's server would, and can misbehave."""

import http.server
import json
import threading
from typing import Any, Self


class Receiver:
    """A real HTTP server on loopback. `answers` are given in turn (status, body), the last again and again."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []  # webhook-id, body
        self.answers: list[tuple[int, bytes]] = [(204, b"")]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if status < 300:
                    outer.received.append((self.headers["webhook-id"], json.loads(body)))
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def types(self) -> list[str]:
        """`opened device_silent`, … in order of arrival, repeats of one identity left out."""
        said: dict[str, str] = {}
        for id_, body in self.received:
            said.setdefault(id_, f"{body['type'].removeprefix('incident.')} {body['incident']['cause']}")
        return list(said.values())

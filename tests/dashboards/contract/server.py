"""A server on loopback that takes what Grafana's contract takes, and nothing else."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.dashboards.contract.shapes import BASE, Operation, operations, wrong_with
from tests.dashboards.contract.state import Answer, Kept

TOKEN = "token-of-the-tests"
EVERYBODYS = ("getHealth",)


class Contract:
    """`with Contract() as grafana`: `url`, `token`, what it `kept`, and the `asked` of it: (operation, body)."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.kept = Kept()
        self.asked: list[tuple[str, Any]] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()
        contract = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one piece, or each answer waits for the other side's acknowledgement

            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.title(): value for name, value in self.headers.items()}
                with contract._lock:
                    status, body = contract.answer(self.command, self.path, headers, raw)
                sent = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> Answer:
        """Checks the request, lets it happen, and checks the answer."""
        split = urlsplit(target)
        found = _operation(method, split.path)
        if found is None:
            return self._refuse(404, f"no such operation in the contract: {method} {split.path}")
        operation, path = found
        if operation.id not in EVERYBODYS and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"message": "Unauthorized"}
        body = json.loads(raw) if raw else None
        wrong = wrong_with(operation.body, body)
        wrong += [f"query {name!r}" for name in parse_qs(split.query) if name not in operation.query]
        wrong += [f"header {name!r}" for name in headers if name.startswith("X-") and name not in operation.headers]
        if wrong:
            return self._refuse(400, f"{operation.id}: {'; '.join(wrong)}")
        self.asked.append((operation.id, body))
        status, given = self.kept.answer(operation.id, path, body)
        assert str(status) in operation.responses, f"{operation.id} never answers {status}"
        not_grafanas = wrong_with(operation.responses[str(status)], given) if operation.responses[str(status)] else []
        assert not_grafanas == [], f"{operation.id} answers otherwise: {not_grafanas}"
        return status, given

    def _refuse(self, status: int, why: str) -> Answer:
        self.refused.append(why)
        return status, {"message": why}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    assert path.startswith(BASE)
    for operation in operations():
        if (found := operation.matches(method, path)) is not None:
            return operation, {name: unquote(value) for name, value in found.items()}
    return None

"""SIP transactions (RFC 3261, 17) without a thread or a timer each: repeats are answered from memory, and what we
asked waits for its answer."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edge.sip.message import Request, Response, parameters, top_via

T1_S = 0.5
T2_S = 4.0
REMEMBERED_S = 64 * T1_S
_ANSWERS_MAX = 4_096
_ASKED_MAX = 4_096


@dataclass(slots=True, frozen=True)
class Peer:
    """Who is at the other end. `connection`: of a stream, 0 for datagrams."""

    host: str
    port: int
    transport: str = "udp"
    connection: int = 0

    @property
    def where(self) -> str:
        """As it stands in a URI: `192.168.1.7:5060`, `[fd00::7]:5060`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Answered:
    """Answers given lately, so that a request sent again gets the same one and nothing happens twice (17.2)."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, ...], tuple[float, bytes]] = OrderedDict()

    def find(self, request: Request, peer: Peer, now_s: float) -> bytes | None:
        """What was answered to this very request."""
        while self._answers:
            key, (at_s, _) = next(iter(self._answers.items()))
            if now_s - at_s <= REMEMBERED_S and len(self._answers) <= _ANSWERS_MAX:
                break
            del self._answers[key]
        found = self._answers.get(_key(request, peer))
        return found[1] if found else None

    def keep(self, request: Request, peer: Peer, answer: bytes, now_s: float) -> None:
        """Remembers an answer."""
        self._answers[_key(request, peer)] = (now_s, answer)


def _key(request: Request, peer: Peer) -> tuple[str, ...]:
    # Some devices have one branch for everything they send: the branch alone does not tell requests apart.
    tag = parameters(request.first("from")).get("tag", "")
    return (peer.host, request.branch, top_via(request), request.first("call-id"), request.first("cseq"), tag)


class TooManyError(Exception):
    """So many questions are under way that no more are asked."""


class Asked:
    """What we asked and nobody has answered yet, by the branch that we gave it."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, asyncio.Future[Response]]] = {}

    async def exchange(self, request: Request, send: Callable[[bytes], None], *, reliable: bool) -> Response:
        """Sends a request (whose branch is `new_branch()`), again and again over UDP, until its final answer. The
        caller bounds the time. Raises TooManyError, and OSError where `failed` was told so."""
        if len(self._waiting) >= _ASKED_MAX:
            raise TooManyError(f"{_ASKED_MAX} questions are under way")
        branch = request.branch
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[branch] = (request.method, future)
        data = request.encode()
        wait_s = T1_S
        try:
            while True:
                send(data)
                done, _ = await asyncio.wait([future], timeout=None if reliable else wait_s)
                if done:
                    return future.result()
                wait_s = min(2 * wait_s, T2_S)
        finally:
            self._waiting.pop(branch, None)
            if future.done() and not future.cancelled():
                future.exception()  # it may have failed unasked

    def take(self, response: Response) -> bool:
        """Hands a response to who waits for it; False when nobody does. 1xx: it is still thinking."""
        method, future = self._waiting.get(response.branch, ("", None))
        if future is None or method != response.cseq[1]:
            return False
        if response.status >= 200 and not future.done():
            future.set_result(response)
        return True

    def failed(self, branch: str, error: OSError) -> None:
        """What the network said of a request: nobody listens there."""
        _, future = self._waiting.get(branch, ("", None))
        if future is not None and not future.done():
            future.set_exception(error)

    def all_failed(self, error: OSError) -> None:
        """The line is gone."""
        for branch in list(self._waiting):
            self.failed(branch, error)

    def __len__(self) -> int:
        return len(self._waiting)


def new_branch() -> str:
    """A branch as RFC 3261 wants it (8.1.1.7)."""
    return "z9hG4bK" + secrets.token_hex(8)


def new_tag() -> str:
    return secrets.token_hex(4)


def make_request(
    method: str,
    uri: str,
    *,
    local: str,
    transport: str,
    from_uri: str,
    to_uri: str = "",
    cseq: int = 1,
    call_id: str = "",
    more: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> Request:
    """A request out of any dialog. `local`: our address and port, where answers go to."""
    headers = [
        ("via", f"SIP/2.0/{transport.upper()} {local};branch={new_branch()};rport"),
        ("max-forwards", "70"),
        ("from", f"<{from_uri}>;tag={new_tag()}"),
        ("to", f"<{to_uri or uri}>"),
        ("call-id", call_id or secrets.token_hex(12)),
        ("cseq", f"{cseq} {method}"),
        ("user-agent", "shouwang"),
    ]
    return Request([*headers, *(more or [])], body, method, uri)

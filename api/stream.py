"""The event stream: one reader of `changes` for all listeners, each with a bounded queue, a scope and a bounded life.

Events are `condition`, `incident` (both resume by Last-Event-ID) and `summary`. A listener that does not keep up is
disconnected; it comes back and resumes by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse

from api.access import Asker, Sees, still_let_in
from api.house import House
from api.problems import Problem
from shouwang.clock import mono_s
from shouwang.ledger import views
from shouwang.ledger.views import CHANGES_AT_ONCE, Changed, Scope
from shouwang.log import get_logger

log = get_logger("api.stream")

LOOK_EVERY_S = 0.25
SUMMARY_AFTER_S = 1.0
SUMMARY_EVERY_S = 30.0
HEARTBEAT_EVERY_S = 15.0
CHECK_EVERY_S = 30.0
LIFE_S = 3_600.0
QUEUE_MAX = 512
LISTENERS_MAX = 500
LISTENERS_OF_ONE_MAX = 32
RESUME_MAX = 1_000
_OVERLAP = 64
"""PostgreSQL gives ids before it commits: a lower id may show after a higher; the last ones are looked at again."""

router = APIRouter(tags=["stream"])


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream."""

    scope: Scope
    credential_id: int
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: bytes) -> None:
        """Hands an event over, or ends a listener that does not keep up."""
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.ended.set()


class Hub:
    """Reads changes while somebody listens, and hands them round."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._listeners: set[Listener] = set()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.position = 0

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    async def attach(self, asker: Asker) -> Listener:
        """A new listener, which hears every change after `position`. Raises Problem where there are too many."""
        of_one = sum(each.credential_id == asker.person.credential_id for each in self._listeners)
        if self._closed or len(self._listeners) >= LISTENERS_MAX or of_one >= LISTENERS_OF_ONE_MAX:
            raise Problem(
                503, "too-many-streams", "Too many open streams", "close other pages", headers={"Retry-After": "30"}
            )
        listener = Listener(asker.scope, asker.person.credential_id)
        self._listeners.add(listener)
        try:
            if self._task is None or self._task.done():
                self.position = await asyncio.to_thread(self._newest)
                if self._task is None or self._task.done():  # nobody else began meanwhile
                    self._task = asyncio.create_task(self._run())
        except BaseException:
            self._listeners.discard(listener)
            raise
        return listener

    def detach(self, listener: Listener) -> None:
        """The stream has ended."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        self._closed = True
        for listener in self._listeners:
            listener.ended.set()
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        summary_due_s = mono_s() + SUMMARY_EVERY_S
        while self._listeners:
            try:
                found = await asyncio.to_thread(self._changes)
                for change in found:
                    self._hand_round(change)
                if found:
                    summary_due_s = min(summary_due_s, mono_s() + SUMMARY_AFTER_S)
                if mono_s() >= summary_due_s:
                    await self._summaries()
                    summary_due_s = mono_s() + SUMMARY_EVERY_S
            except SQLAlchemyError as error:
                log.warning("cannot read changes", error=str(error)[:300])
                await asyncio.sleep(2)
            await asyncio.sleep(LOOK_EVERY_S)

    def _hand_round(self, change: Changed) -> None:
        self.position = max(self.position, change.id)
        if change.data is None:
            return
        event = encode(change.name, change.data, change.id)
        for listener in list(self._listeners):
            if change.concerns(listener.scope):
                listener.put(event)
                if listener.ended.is_set():  # at once, though its stream may hang in a browser that takes nothing
                    self._listeners.discard(listener)

    async def _summaries(self) -> None:
        made: dict[Scope, bytes] = {}
        for listener in list(self._listeners):
            if listener.scope not in made:
                made[listener.scope] = await asyncio.to_thread(self.summary, listener.scope)
            listener.put(made[listener.scope])

    def summary(self, scope: Scope) -> bytes:
        """The `summary` event of a scope, as it is now."""
        with self._house.reading() as connection:
            found = views.summary(connection, scope, self._house.kinds, self._house.now_ms)
        return encode("summary", found, None)

    def _newest(self) -> int:
        with self._house.reading() as connection:
            newest = views.newest_change(connection)
        self._seen = OrderedDict.fromkeys(range(max(0, newest - _OVERLAP), newest + 1))
        return newest

    def _changes(self) -> list[Changed]:
        with self._house.reading() as connection:
            ids = views.change_ids(connection, max(0, self.position - _OVERLAP))
            new = {id_ for id_ in ids if id_ not in self._seen}
            found = views.changes(connection, self._house.kinds, min(new) - 1, max(new)) if new else []
        self._seen.update(dict.fromkeys(sorted(new)))
        while len(self._seen) > 2 * CHANGES_AT_ONCE:
            self._seen.popitem(last=False)
        return [change for change in found if change.id in new]


@router.get(
    "/stream",
    summary="Server-sent events: summary, condition, incident",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events"}},
)
async def stream(request: Request, asker: Sees) -> StreamingResponse:
    """What changes, as it changes. Comes back with `Last-Event-ID` what was missed; lives an hour at most."""
    hub: Hub = request.app.state.hub
    last = request.headers.get("last-event-id", "").strip()
    listener = await hub.attach(asker)
    return StreamingResponse(
        _events(hub, listener, asker.house, int(last) if last.isdecimal() and len(last) < 19 else None),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(hub: Hub, listener: Listener, house: House, last_id: int | None) -> AsyncIterator[bytes]:
    began_s = checked_s = spoke_s = mono_s()
    up_to = hub.position
    ended = asyncio.create_task(listener.ended.wait())
    waiting: asyncio.Task[bytes] | None = None
    try:
        yield b"retry: 2000\n\n"
        if last_id is not None and last_id < up_to:
            for event in await asyncio.to_thread(_missed, house, listener.scope, last_id, up_to):
                yield event
        yield await asyncio.to_thread(hub.summary, listener.scope)
        while mono_s() - began_s < LIFE_S and not listener.ended.is_set():
            waiting = asyncio.create_task(listener.queue.get())
            await asyncio.wait((waiting, ended), timeout=HEARTBEAT_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                yield waiting.result()
                spoke_s = mono_s()
            else:
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await waiting
                if mono_s() - spoke_s >= HEARTBEAT_EVERY_S:
                    yield b": still here\n\n"
                    spoke_s = mono_s()
            if mono_s() - checked_s >= CHECK_EVERY_S:
                if not await asyncio.to_thread(still_let_in, house, listener.credential_id):
                    return
                checked_s = mono_s()
    finally:
        ended.cancel()
        if waiting is not None:
            waiting.cancel()  # the browser went away while we waited for an event
        hub.detach(listener)


def _missed(house: House, scope: Scope, after_id: int, up_to: int) -> list[bytes]:
    """What a listener missed; only the latest where it was away for long (the summary that follows tells the state)."""
    with house.reading() as connection:
        found = views.changes(connection, house.kinds, max(after_id, up_to - RESUME_MAX), up_to, RESUME_MAX)
    return [encode(change.name, change.data, change.id) for change in found if change.data and change.concerns(scope)]


def encode(name: str, data: object, id_: int | None) -> bytes:
    """An event as it goes over the wire."""
    head = f"id: {id_}\n".encode() if id_ is not None else b""
    return head + f"event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"

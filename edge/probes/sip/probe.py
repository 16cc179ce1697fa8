"""Asks a SIP device with OPTIONS (RFC 3261, 11): one that answers is alive, whatever its registrar believes."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

from edge.allowed import NotAllowedError
from edge.probes.sip.book import Binding, shared_book
from edge.probes.sip.settings import SipSettings, place_of
from edge.probing import Answer, Around, Probe
from edge.sip import Peer, Response, UnreadableError, ask_over_tcp, make_request, shared_questions
from edge.steps import CONNECT, NAME, step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_OPTIONS = "options"
_DEAD = (408, 480, 502, 503, 504)
"""From a proxy in front of it: nobody there."""
_ACCEPT = [("accept", "application/sdp")]


class SipProbe(Probe):
    """Target: `host[:port]`, `user@host[:port]`, or the user alone of one that registers with the agent."""

    driver = Driver.SIP
    Settings = SipSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._place = place_of(target, settings)

    async def ask(self, timeout_s: float) -> Answer:
        """Any final answer but "nobody there" means that it is alive: even 401, 405 or 486 (busy). What the
        registration book alone says carries `last_heard_age_ms`, because a pulled plug stays registered."""
        if self.settings.look == "ask":
            return await self._ask(timeout_s)
        binding, fields = self._registered()
        if self.settings.look == "registrar":
            return Answer(bool(fields.get("registered")), None, fields, self._not_registered(fields))
        if self._place.host:
            answer = await self._ask(timeout_s)
        elif binding is not None and fields["registered"]:
            answer = await self._ask_where_registered(binding, timeout_s)
        else:
            return Answer(False, None, fields, self._not_registered(fields))
        if answer.reachable:
            fields.pop("last_heard_age_ms", None)  # it has just spoken
        answer.fields |= fields
        return answer

    def _registered(self) -> tuple[Binding | None, dict[str, Any]]:
        book, now_s = shared_book(self.around), self.around.clock.now().mono_s
        binding = book.bindings.get(self._place.user)
        if binding is None:
            granted_s = self.settings.register_s or 120
            if book.since_s is None or now_s - book.since_s < granted_s:
                raise PermissionError(
                    f"{self._place.user} has not registered yet since the agent began to listen"
                    if book.since_s is not None
                    else "only the agent that it registers with knows whether it is registered"
                )
            return None, {"registered": False}
        age_ms = round(max(0.0, now_s - binding.heard_s) * 1000)
        return binding, {"registered": binding.until_s > now_s, "last_heard_age_ms": age_ms}

    def _not_registered(self, fields: dict[str, Any]) -> Reason | str:
        return "" if fields.get("registered") else Reason("not_registered", {"user": self._place.user})

    async def _ask(self, timeout_s: float) -> Answer:
        place, clock = self._place, self.around.clock
        started_s = clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                with step(NAME):
                    address = await self.around.allowed.resolve(place.host, place.port)
                started_s = clock.now().mono_s
                peer = Peer(address, place.port, self.settings.transport)
                response = await (self._over_tcp(peer) if peer.transport == "tcp" else self._over_udp(peer))
        except TimeoutError:
            return Answer(False, reason=self._silence(timeout_s))
        except UnreadableError as error:
            return Answer(False, reason=Reason("not_spoken", {"protocol": "SIP", "text": str(error)[:200]}))
        except OSError as error:
            return Answer(False, reason=self._why(error))
        return self._judge(response, started_s)

    async def _ask_where_registered(self, binding: Binding, timeout_s: float) -> Answer:
        peer = binding.peer
        try:
            self.around.allowed.check(peer.host, peer.port)
        except NotAllowedError as error:
            return Answer(False, reason=str(error))
        started_s = self.around.clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                with step(_OPTIONS):
                    response = await binding.port.ask("OPTIONS", binding.uri, peer, from_user="shouwang", more=_ACCEPT)
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        return self._judge(response, started_s)

    def _judge(self, response: Response, started_s: float) -> Answer:
        latency_ms = (self.around.clock.now().mono_s - started_s) * 1000
        if response.status in _DEAD:
            return Answer(False, latency_ms, reason=Reason("status", {"status": response.status}))
        return Answer(True, latency_ms)

    async def _over_udp(self, peer: Peer) -> Response:
        questions = shared_questions(self.around, peer.host)
        request = self._options(peer, Peer(_our_address(peer), questions.port).where)
        with step(_OPTIONS):
            return await questions.ask(request, peer.host, peer.port)

    async def _over_tcp(self, peer: Peer) -> Response:
        with step(CONNECT):
            reader, writer = await asyncio.open_connection(peer.host, peer.port)
        try:
            here = Peer(*writer.get_extra_info("sockname")[:2]).where
            with step(_OPTIONS):
                return await ask_over_tcp(reader, writer, self._options(peer, here))
        finally:
            writer.transport.abort()

    def _options(self, peer: Peer, local: str) -> Any:
        uri = f"sip:{self._place.user}@{peer.where}" if self._place.user else f"sip:{peer.where}"
        contact = [("contact", f"<sip:shouwang@{local}>"), *_ACCEPT]
        return make_request(
            "OPTIONS", uri, local=local, transport=peer.transport, from_uri=f"sip:shouwang@{local}", more=contact
        )

    def _silence(self, timeout_s: float) -> Reason:
        if self.settings.transport == "udp":
            return Reason("no_answer_udp", {"s": timeout_s, "port": self._place.port})
        return Reason("no_answer", {"s": timeout_s})

    def _why(self, error: OSError) -> Reason:
        if error.errno == errno.ECONNREFUSED:
            return Reason("refused_port", {"protocol": "SIP", "port": self._place.port, "usual": 5060})
        return reason_of(error)


def _our_address(peer: Peer) -> str:
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as route:
        route.connect((peer.host, peer.port))
        return str(route.getsockname()[0])

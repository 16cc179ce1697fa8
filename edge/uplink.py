"""The agent's line to the collector: presence with its will, reports and events out, acks, config and commands in."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import msgspec

from edge.dispatch import Dispatch
from edge.flight import Pace
from edge.outbox import Outbox
from edge.rows import Event, Reading, Row
from shouwang import __version__
from shouwang.clock import Clock, SystemClock
from shouwang.messages import VERSION, Ack, Command, Lost, Presence, Reply, encode
from shouwang.mqtt import Message, MqttClient, MqttOptions, Puback, Will
from shouwang.topics import MESSAGE_EXPIRY_S, Channel, topic

_log = logging.getLogger("edge.uplink")

KEEPALIVE_S = 20.0
WILL_DELAY_S = 20.0
SESSION_EXPIRY_S = 600
REPLY_EXPIRY_S = 30
_COMMANDS_AT_ONCE = 8
_GOODBYE_S = 2.0


@dataclass(frozen=True, slots=True)
class Login:
    """Where the broker is, and who we are to it: `path` (the centre, or a feed) is the user name unless said."""

    url: str
    region: str
    path: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    def at(self, url: str, tls: ssl.SSLContext | None) -> Login:
        """The same identity at another address of the broker."""
        return replace(self, url=url, tls=tls)


async def _no_commands(command: Command) -> Reply:
    return Reply(v=VERSION, id=command.id, ok=False, reason="this agent takes no commands")


class Uplink:
    """One agent on MQTT. `speed` divides intervals (MQTT's own times to at least 1 s). `executor`: see `Dispatch`.

    `on_config` gets every configuration as it came, `on_command` answers commands.
    """

    def __init__(
        self,
        login: Login,
        outbox: Outbox,
        *,
        clock: Clock | None = None,
        speed: float = 1.0,
        executor: Executor | None = None,
        on_config: Callable[[bytes], None] = lambda payload: None,
        on_command: Callable[[Command], Awaitable[Reply]] = _no_commands,
    ) -> None:
        self.login = login
        self._outbox = outbox
        self._clock = clock or SystemClock()
        self._on_config, self._on_command = on_config, on_command
        self._topics = {channel: topic(login.region, login.path, channel) for channel in Channel}
        self._will_delay_s = max(1, round(WILL_DELAY_S / speed))
        self._number = 0  # of the connection made last, or about to be made
        self._reserved: int | None = None
        self._accepted = False
        self._lost: dict[str, Lost] = {}
        self.event_kept: Callable[[], None] = lambda: None
        self.gone = False
        self.asides = 0  # messages that made no sense
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands = 0
        self._said = ""
        self._dispatch = Dispatch(outbox, self._publish, self._clock, pace=Pace().at(speed), executor=executor)
        self._client = MqttClient(
            MqttOptions(
                url=login.url,
                client_id=login.path,
                username=login.username or login.path,
                password=login.password,
                tls=login.tls,
                clean_start=False,
                session_expiry_s=SESSION_EXPIRY_S,
                keepalive_s=max(3, round(KEEPALIVE_S / speed)),
                receive_maximum=64,
                backoff_min_s=max(0.2, 1.0 / speed),
                backoff_max_s=max(1.0, 60.0 / speed),
            ),
            on_connected=self._connected,
            on_disconnected=self._disconnected,
            on_message=self._received,
            will=self._will,
        )

    # --- what the agent does

    async def start(self) -> None:
        """Connects as soon as it can, and stays connected. Returns at once; a missing broker is no error."""
        self._number = await self._dispatch.work(self._outbox.next_connection)
        self._lost = await self._dispatch.work(self._outbox.lost)
        self._spawn(self._dispatch.run())
        self._client.start()

    async def stop(self) -> None:
        """Says goodbye (`stopped`), so that nobody is alarmed, and ends. The outbox stays open."""
        if self._client.connected:
            goodbye = self._client.publish(
                self._topics[Channel.PRESENCE], self._presence(online=False, reason="stopped"), retain=True
            )
            await asyncio.wait([goodbye], timeout=_GOODBYE_S)
        await self._end()

    async def vanish(self) -> None:
        """Ends without a word, as a power cut would; the broker publishes the will (simulators do this)."""
        self._client.drop()
        await self._end()

    def drop(self) -> None:
        """Loses the connection, and makes it again with back-off."""
        self._client.drop()

    def leave_by(self, login: Login, source: str = "") -> None:
        """Goes another way from now on, at once: another address of the broker, or another way out of this machine."""
        self.login = login
        self._client.redial(login.url, login.tls, source)

    async def go(self) -> None:
        """Goes as one that is lost goes, with its will, until `come_back`: a feed whose platform no longer tells. The
        outbox keeps what comes meanwhile."""
        self.gone = True
        await self._client.close(with_will=True)

    def come_back(self) -> None:
        """Connects again after `go`; else it changes nothing."""
        if self.gone:
            self.gone = False
            self._client.start()

    async def report(self, readings: Sequence[Reading]) -> list[Row]:
        """Keeps readings and sends them on; when it returns they are safe on disk, not yet sent."""
        return await self._dispatch.report(readings)

    async def event(self, event: Event) -> Row:
        """Keeps an event and sends it on, at once and ahead of everything."""
        row = await self._dispatch.event(event)
        self.event_kept()
        return row

    async def tell_lost(self) -> None:
        """Says in presence what the outbox had to give up, when that has changed. For a timer."""
        lost = await self._dispatch.work(self._outbox.lost)
        if lost != self._lost:
            self._lost = lost
            self._say_presence()

    @property
    def connected(self) -> bool:
        return self._client.connected

    @property
    def unheard(self) -> bool:
        """Connected, and yet the collector acknowledges nothing."""
        return self._dispatch.unheard()

    @property
    def trouble(self) -> str:
        """Why there is no connection, or why nothing gets through; empty when all is well."""
        if not self._client.connected:
            return self._client.last_trouble or "no connection yet"
        return self._dispatch.refusal or ("the collector acknowledges nothing" if self.unheard else "")

    @property
    def dispatch(self) -> Dispatch:
        """What it knows of rows under way."""
        return self._dispatch

    # --- presence

    def _will(self) -> Will:
        if self._accepted:  # a refused connection used no number
            self._accepted = False
            self._number = self._number + 1 if self._reserved is None else self._reserved
            self._reserved = None
        lost = self._presence(online=False, reason="lost")
        return Will(self._topics[Channel.PRESENCE], lost, retain=True, qos=1, delay_s=self._will_delay_s)

    def _presence(self, *, online: bool, reason: str) -> bytes:
        said = Presence(
            v=VERSION,
            online=online,
            boot=self._outbox.boot,
            connection=self._number,
            agent_version=__version__,
            reason=reason,
            at_ms=self._clock.now().wall_ms,
            lost=self._lost,
        )
        return encode(said)

    def _say_presence(self) -> None:
        if self._client.connected:
            self._client.publish(
                self._topics[Channel.PRESENCE], self._presence(online=True, reason="started"), retain=True
            )

    # --- the line

    def _connected(self, session_present: bool) -> None:
        self._accepted = True
        self._said = ""
        _log.info("connected broker=%s connection=%d", self.login.url, self._number)
        self._say_presence()
        self._client.subscribe(
            [(self._topics[Channel.ACK], 0), (self._topics[Channel.CONFIG], 1), (self._topics[Channel.COMMAND], 1)]
        )
        self._dispatch.connected()
        self._spawn(self._reserve())

    def _disconnected(self, reason: str) -> None:
        self._dispatch.disconnected()
        if reason != self._said:  # once when it goes, and once for each new reason
            self._said = reason
            _log.warning("no connection broker=%s reason=%r", self.login.url, reason)

    async def _reserve(self) -> None:
        self._reserved = await self._dispatch.work(self._outbox.next_connection)

    def _publish(self, is_event: bool, payload: bytes) -> asyncio.Future[Puback]:
        name = self._topics[Channel.EVENT if is_event else Channel.REPORT]
        return self._client.publish(name, payload, qos=1, expiry_s=MESSAGE_EXPIRY_S)

    def _received(self, message: Message) -> None:
        try:
            if message.topic == self._topics[Channel.ACK]:
                self._dispatch.acknowledged(_ACK.decode(message.payload).boots)
            elif message.topic == self._topics[Channel.CONFIG]:
                self._on_config(message.payload)
            elif message.topic == self._topics[Channel.COMMAND]:
                self._command(_COMMAND.decode(message.payload), message)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self.asides += 1
            _log.warning("set aside topic=%s reason=%r", message.topic, str(error)[:200])

    def _command(self, command: Command, message: Message) -> None:
        if self._commands >= _COMMANDS_AT_ONCE:
            busy = Reply(v=VERSION, id=command.id, ok=False, reason="too many commands at once; try again")
            self._reply(busy, message)
            return
        self._commands += 1
        self._spawn(self._answer(command, message))

    async def _answer(self, command: Command, message: Message) -> None:
        try:
            reply = await self._on_command(command)
        except Exception as error:
            _log.exception("a command failed command=%r device=%r", command.command, command.device)
            reply = Reply(v=VERSION, id=command.id, ok=False, reason=f"the agent failed: {error}"[:512])
        finally:
            self._commands -= 1
        self._reply(reply, message)

    def _reply(self, reply: Reply, message: Message) -> None:
        # Only ever on our own topic: a command must not make us write elsewhere.
        name = self._topics[Channel.REPLY]
        self._client.publish(name, encode(reply), qos=1, expiry_s=REPLY_EXPIRY_S, correlation=message.correlation)

    # --- tasks

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        await self._client.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._dispatch.settle()


_ACK = msgspec.json.Decoder(Ack)
_COMMAND = msgspec.json.Decoder(Command)

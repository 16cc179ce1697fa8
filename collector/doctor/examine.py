"""All looks in the order in which one thing stands on the other. Each ends by itself, whatever it finds, in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from collector.doctor import broker, disk, ledger, machine, reach, readings, secrecy, telling
from collector.doctor.around import Around
from collector.doctor.finding import Finding, found
from shouwang.kinds import KindError
from shouwang.settings import Loaded
from shouwang.trouble import Trouble

Look = Callable[[Loaded, Around], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (
    machine.settings,
    machine.time,
    disk.state,
    disk.room,
    machine.collectors,
    machine.units,
    secrecy.secrets,
    ledger.ledger,
    readings.readings,
    broker.program,
    broker.certificates,
    broker.login,
    broker.anonymous,
    broker.configuration,
    reach.ports,
    reach.console,
    telling.ways,
    telling.heartbeat,
)


def examine(loaded: Loaded, around: Around | None = None) -> Iterator[Finding]:
    """Every finding. `around` left out: this machine, now."""
    around = around or Around()
    for look in LOOKS:
        try:
            yield from look(loaded, around)
        except (Trouble, KindError, OSError, SQLAlchemyError) as error:
            said = str(error).splitlines()
            yield found("look_failed", look=look.__name__, said=said[0] if said else type(error).__name__)

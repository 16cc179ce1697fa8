"""What a provider of notifications is: a class in a file of `collector/notify/providers/`, found by scanning it.

A newcomer writes one file: a `Config` (what may stand under `[notify.<file name>]`) and a `Provider` whose `send`
carries a message and says truthfully whether it was accepted.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from shouwang.settings import Notify, Section, SettingsError, complaints, source_of

REFERENCE_CHARS = 8


@dataclass(frozen=True, slots=True)
class Message:
    """One notification. `id` is the same on every try, so that a receiver can tell a double from a second one."""

    id: str
    body: Mapping[str, Any]  # the contract's webhook body: type, incident, text, url

    @property
    def type(self) -> str:
        return str(self.body.get("type") or "")

    @property
    def url(self) -> str:
        return str(self.body.get("url") or "")

    @property
    def reference(self) -> str:
        """Enough of the id for a person to see that two messages are the same one."""
        return self.id.replace("-", "")[:REFERENCE_CHARS]

    def text(self, language: str) -> str:
        """The words in `zh`, `en`, or `both`."""
        text = self.body.get("text")
        said = text if isinstance(text, Mapping) else {}
        wanted = ("zh", "en") if language == "both" else (language,)
        return "\n\n".join(str(said[each]) for each in wanted if said.get(each))

    def whole_text(self, language: str, at_most_bytes: int) -> str:
        """Words, link and reference, for a program that shows plain text; the words are cut where it would be too
        long."""
        end = "\n".join(filter(None, (self.url, f"#{self.reference}")))
        room = at_most_bytes - len(end.encode()) - 4
        words = self.text(language).encode()
        cut = words if len(words) <= room else words[:room]
        return cut.decode("utf-8", "ignore") + ("" if len(words) <= room else "…") + "\n" + end


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a try. `text` is what the provider said, for people; never a secret."""

    accepted: bool
    text: str = ""
    retry_after_s: float | None = None  # it asked to be left alone for so long


class ProviderConfig(Section):
    """What every provider may be told: the language of its texts, and whether it may stand in a private network or on
    this machine (link-local addresses never)."""

    language: Literal["zh", "en", "both"] = "zh"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a provider talks to, and whether that may be a private address."""

    host: str
    port: int
    allow_private: bool


class Provider(ABC):
    """One way to tell people. `send` ends within `timeout_s` and never raises for what the other side does."""

    Config: ClassVar[type[ProviderConfig]]
    timeout_s: ClassVar[float] = 15.0

    @abstractmethod
    def __init__(self, config: Any) -> None:
        """Raises SettingsError where the configuration cannot work."""

    @abstractmethod
    async def send(self, message: Message) -> Answer: ...

    @property
    def destination(self) -> Destination | None:
        """Whom it talks to, for `shouwang doctor`; None where that is no host of its own."""
        return None

    async def close(self) -> None:  # noqa: B027 -- most have nothing to close
        """Lets go of connections."""


def known() -> dict[str, type[Provider]]:
    """Every provider by its name, which is the name of its file."""
    from collector.notify import providers

    found: dict[str, type[Provider]] = {}
    for module_info in pkgutil.iter_modules(providers.__path__):
        module = importlib.import_module(f"{providers.__name__}.{module_info.name}")
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, Provider) and thing.__module__ == module.__name__:
                found[module_info.name] = thing
    return found


def configured(notify: Notify, sources: Mapping[str, str] | None = None) -> dict[str, Provider]:
    """The providers of the settings, in the order in which they are tried. Raises SettingsError with every error."""
    sources = sources or {}
    classes, tables = known(), notify.providers
    order = list(tables) if notify.ways is None else notify.ways
    wrong = [_unknown(f"notify.{name}", name, classes, sources) for name in tables if name not in classes]
    wrong += [
        f"{source_of('notify.ways', sources)}: notify.ways: {name!r} has no table [notify.{name}]"
        for name in order
        if name not in tables
    ]
    if len(order) != len(set(order)):
        wrong.append(f"{source_of('notify.ways', sources)}: notify.ways: names a provider twice")
    made: dict[str, Provider] = {}
    for name in [*order, *(name for name in tables if name not in order)]:
        if name in classes and name in tables and name not in made:
            try:
                made[name] = _make(classes[name], tables[name], name, sources)
            except SettingsError as error:
                wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))
    return {name: made[name] for name in order}


def _make(cls: type[Provider], table: object, name: str, sources: Mapping[str, str]) -> Provider:
    key = f"notify.{name}"
    try:
        return cls(cls.Config.model_validate(table))
    except ValidationError as error:
        raise SettingsError("\n".join(complaints(error, cls.Config, sources, key))) from None
    except SettingsError as error:
        where = source_of(key, sources)
        raise SettingsError(f"{where}: {error}" if where else str(error)) from None


def _unknown(key: str, name: str, classes: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    nearest = get_close_matches(name, classes, 1, 0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(classes)}"
    return f"{source_of(key, sources)}: {key}: no such provider; {hint}"

"""The page about every setting: `shouwang.toml`, the agent's own files, and what each driver is told."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collector.notify import known
from collector.notify.provider import ProviderConfig
from edge.allowed import AllowedFile
from edge.fallback.file import FallbackFile, SecondUplink, Siren, Sms
from edge.hearing import load_listener
from edge.probing import drivers
from shouwang import drivers as described_drivers
from shouwang import kinds
from shouwang.settings import Limits, Notify, Section, Settings
from tools.reference.keys import Key, keys_of
from tools.reference.texts import LANGUAGES, Language, file_name, texts_of

WORDS_FILE = Path(__file__).with_name("settings.toml")
_TABLES = frozenset({"limits", "notify"})


class Words:
    """What is said of each key in one language. A key without words is a KeyError that names it."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._head = texts_of("settings", language)["head"]
        self._said: dict[str, dict[str, dict[str, str]]] = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        self.used: set[tuple[str, str]] = set()

    def of(self, section: str, key: str) -> str:
        self.used.add((section, key))
        said = self._said.get(section, {}).get(key)
        if said is None:
            raise KeyError(f"{WORDS_FILE.name}: say what `{key}` of [{section}] does")
        return said[self.language]

    def stale(self) -> set[tuple[str, str]]:
        """Words of keys that are no more."""
        return {(section, key) for section, keys in self._said.items() for key in keys} - self.used

    def table(self, section: str, keys: list[Key]) -> str:
        rows = [
            f"| `{key.name}` | {key.possible(self.language)} | {key.default(self.language)} "
            f"| {self.of(section, key.name)} |"
            for key in keys
        ]
        return "\n".join([self._head, "| --- | --- | --- | --- |", *rows])


def rendered() -> dict[str, str]:
    """The pages by their file name. Raises KeyError for a setting that nobody described."""
    return {
        file_name("settings", each): "\n\n".join(page(Words(each), texts_of("settings", each))) + "\n"
        for each in LANGUAGES
    }


def page(words: Words, texts: dict[str, str]) -> Iterator[str]:
    """Its parts, one after the other."""
    yield f"# {texts['title']}"
    yield texts["switch"]
    yield texts["intro"]
    yield "## `shouwang.toml`"
    yield texts["main"]
    sections = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }
    yield f"### {texts['top']}"
    inner = {*sections, *_TABLES}
    yield words.table("shouwang.toml", [key for key in keys_of(Settings) if key.name not in inner])
    for name, section in sections.items():
        yield f"### `[{name}]`"
        yield words.table(name, list(keys_of(section)))
    yield from _notify(words, texts)
    yield f"### {texts['limits']}"
    yield words.table("limits", list(keys_of(Limits)))
    yield texts["limits_text"]
    yield _limits(texts)
    yield f"### {texts['variables']}"
    names = ("SHOUWANG_SETTINGS", "SHOUWANG_LOG", "SHOUWANG_ALIVE_FILE")
    rows = [f"| `{name}` | {words.of('variables', name)} |" for name in names]
    yield "\n".join([texts["variable"], "| --- | --- |", *rows])
    yield from _agent(words, texts)
    yield from _drivers(words.language, texts)


def _notify(words: Words, texts: dict[str, str]) -> Iterator[str]:
    yield "### `[notify]`"
    yield words.table("notify", list(keys_of(Notify)))
    common = {key.name for key in keys_of(ProviderConfig)}
    yield f"### `[notify.*]`: {texts['all_ways']}"
    yield words.table("notify.*", list(keys_of(ProviderConfig)))
    for name, provider in sorted(known().items()):
        yield f"### `[notify.{name}]`"
        yield words.table(f"notify.{name}", [key for key in keys_of(provider.Config) if key.name not in common])


def _limits(texts: dict[str, str]) -> str:
    names = tuple(Limits.model_fields)
    rows = []
    for name, kind in sorted(kinds.load().items()):
        values = (getattr(kind.limits, each) for each in names)
        rows.append(f"| `{name}` | {' | '.join('–' if value is None else f'{value:g}' for value in values)} |")
    head = f"| {texts['kind']} | {' | '.join(f'`{name}`' for name in names)} |"
    return "\n".join([head, "| --- " * (len(names) + 1) + "|", *rows])


def _agent(words: Words, texts: dict[str, str]) -> Iterator[str]:
    yield f"## {texts['agent']}"
    yield texts["agent_text"]
    yield "### `allowed.toml`"
    yield words.table("allowed.toml", list(keys_of(AllowedFile)))
    yield "### `listen.toml`"
    yield texts["listens"]
    for name in sorted(drivers()):
        listener = load_listener(name)
        if listener is not None and (keys := list(keys_of(listener.Options))):
            yield f"#### `[{name}]`"
            yield words.table("listen.toml", keys)
    yield "### `fallbacks.toml`"
    yield words.table("fallbacks.toml", [key for key in keys_of(FallbackFile) if key.name != "way"])
    yield texts["ways"]
    for tag, way in (("uplink", SecondUplink), ("sms", Sms), ("siren", Siren)):
        yield f'#### `use = "{tag}"`'
        yield words.table(f"fallbacks.toml {tag}", list(keys_of(way)))


def _drivers(language: Language, texts: dict[str, str]) -> Iterator[str]:
    yield f"## {texts['drivers']}"
    yield texts["drivers_text"]
    for name, driver in sorted(described_drivers.load().items()):
        yield f"### `{name}`"
        if driver.target[language]:
            yield f"{texts['target']}: {driver.target[language]}"
        if not driver.settings:
            yield texts["nothing"]
            continue
        rows = []
        for setting in driver.settings:
            key = Key(setting.name, _schema(setting), setting.needed)
            label = setting.label[language].replace("|", "\\|")
            rows.append(f"| `{key.name}` | {key.possible(language)} | {key.default(language)} | {label} |")
        yield "\n".join([texts["head"], "| --- | --- | --- | --- |", *rows])


def _schema(setting: described_drivers.Setting) -> dict[str, Any]:
    if setting.type == "choice":
        return {"enum": setting.values, "default": setting.default}
    types = {"bool": "boolean", "int": "integer", "float": "number", "text": "string", "list": "array", "map": "object"}
    return {"type": types.get(setting.type, "string"), "default": setting.default}

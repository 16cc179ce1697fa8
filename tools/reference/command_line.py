"""The page about every command: what `--help` prints, command by command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shouwang.cli import COMMANDS, Door, door
from tools.reference.texts import LANGUAGES, Language, file_name, texts_of

_WIDTH = 100


def rendered() -> dict[str, str]:
    """The pages by their file name."""
    helps = list(_helps(door(), None, "shouwang"))
    return {file_name("commands", language): "\n\n".join(page(helps, language)) + "\n" for language in LANGUAGES}


def page(helps: list[tuple[str, str]], language: Language) -> Iterator[str]:
    """Its parts, one after the other."""
    texts = texts_of("commands", language)
    yield f"# {texts['title']}"
    yield texts["switch"]
    yield texts["intro"]
    for name, text in helps:
        yield f"## `{name}`"
        yield f"```text\n{text}\n```"


def _helps(command: Door, parent: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each command of a group, by its whole name, with its help."""
    context: Any = command.make_context(name, ["--"], parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH)
    for inner in command.list_commands(context):
        entry = COMMANDS.get(inner)
        if parent is None and getattr(entry, "hidden", False):
            continue
        found = command.get_command(context, inner)
        if isinstance(found, Door):
            yield from _helps(found, context, inner)
        else:
            about: Any = type(context)(found, info_name=inner, parent=context)
            yield about.command_path, found.get_help(about).rstrip()

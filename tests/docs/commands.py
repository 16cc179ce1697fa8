"""The commands that the pages show: found, told apart by what is to be done with them, and held to the real ones.

A block of commands is fenced as `sh`. It is run as it stands, in its page's order, unless a comment above it says else:

    <!-- run: stays, says "console:" -->        goes on in a terminal of its own; waited for until it says this
    <!-- run: again until "device_down" -->     is run again and again until its output holds this
    <!-- run: exits 1 -->                       this is its exit code
    <!-- not run: needs Docker -->              why not; where another test does the same, `tests/…` names it
    <!-- plug: 192.168.1.80 -->, <!-- unplug: 192.168.1.80 -->        a device's address comes, and goes
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from shouwang.cli import Door, door
from tools.site.pages import ROOT

PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "edge").rglob("*.md")])
_PIECE = re.compile(
    r"^<!-- (?P<verb>run|not run|plug|unplug): (?P<what>.+?) -->$"
    r"|^(?P<fence>`{3,})(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=fence)`*$",
    re.MULTILINE | re.DOTALL,
)
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?.*?\n.*?^\1$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(shouwang [^`\n]+)`")
_ENDS_A_COMMAND = frozenset({"&&", "||", ";", "|", "&", "(", ")", ";;"})
_REDIRECTS = frozenset({">", ">>", "<", "2>", "<<"})


@dataclass(frozen=True)
class Block:
    """`verb`: `run`, `not run`, `plug` or `unplug`; `what`: what the comment says; `text`: the commands."""

    line: int
    verb: str
    what: str = ""
    text: str = ""


@dataclass(frozen=True)
class Fence:
    line: int
    language: str
    text: str


def fences(page: str) -> Iterator[Fence]:
    """Every fenced block."""
    for piece in _PIECE.finditer(page):
        if piece["fence"]:
            yield Fence(page.count("\n", 0, piece.start()) + 1, piece["language"].strip(), piece["text"])


def blocks(page: str) -> Iterator[Block]:
    """Blocks of commands, and what happens between them, in the page's order."""
    said: re.Match[str] | None = None
    for piece in _PIECE.finditer(page):
        line = page.count("\n", 0, piece.start()) + 1
        if piece["verb"] in ("plug", "unplug"):
            yield Block(line, piece["verb"], piece["what"])
        elif piece["verb"]:
            said = piece
            continue
        elif piece["language"].strip() == "sh":
            yield Block(line, said["verb"] if said else "run", said["what"] if said else "", piece["text"])
        if said is not None and piece["language"] != "sh":
            raise ValueError(f"line {line}: {said[0]} stands above no block of commands")
        said = None


def commands(text: str) -> list[list[str]]:
    """Each command of a block as its words: without comments, variables set before it, redirections and what a here
    document holds."""
    lexer = shlex.shlex(
        _HEREDOC.sub("", text).replace("\\\n", " ").replace("\n", "\n; "), posix=True, punctuation_chars=True
    )
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    redirected = False
    for word in lexer:
        if word in _ENDS_A_COMMAND:
            found.append([])
        elif word in _REDIRECTS:
            redirected = True
        elif redirected:
            redirected = False
        elif found[-1] or not re.match(r"[A-Z_]+=", word):
            found[-1].append(word)
    return [words for words in found if words]


def inline(page: str) -> Iterator[tuple[int, list[str]]]:
    """Commands of ours within a sentence, with their line: they may leave out what a reader knows."""
    for piece in _INLINE.finditer(page):
        yield page.count("\n", 0, piece.start()) + 1, piece[1].split()


def complaint(words: list[str], *, whole: bool = True) -> str:
    """What the real command line says against `shouwang …`; empty where nothing is wrong. `whole`: values and all; else
    only that the command and its options are there."""
    command: Any = door()
    context: Any = None
    rest = words[1:]
    try:
        while isinstance(command, Door):
            if not rest or rest[0].startswith("-"):
                return ""
            context = command.make_context("shouwang", list(rest), parent=context)
            command, rest = command.get_command(context, rest[0]), rest[1:]
            if command is None:
                return f"there is no `{' '.join(words)}`"
        if whole:
            command.make_context("shouwang", list(rest), parent=context)
        else:
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            unknown = [
                word for word in rest if word.startswith("--") and word.partition("=")[0] not in {*known, "--help"}
            ]
            return f"unknown: {', '.join(unknown)}" if unknown else ""
    except typer.Exit:
        return ""
    except Exception as error:
        said = getattr(error, "format_message", lambda: "")()
        if not said:
            raise
        return str(said)
    return ""


def read(page: Path) -> str:
    return page.read_text("utf-8")

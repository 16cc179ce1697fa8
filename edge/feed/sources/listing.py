"""Which files of a server's folder are fetched: new ones, the newest first, and never more than is bounded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge.feed.meaning import Aside
from edge.feed.sources.files import FILE_MAX

FILES_MAX = 200
TOTAL_MAX = 64 << 20
"""Of one look at the folder."""
_SETTLED_S = 120.0
"""A listing tells the minute of a change, so a file may change once more within it and look the same."""
_LINE = re.compile(r"-[rwxsStT-]{9}[+@.]?\s+\S+\s+\S+\s+\S+\s+(\d{1,15})\s+\w{3}\s+\d+\s+[\d:]+\s+(.+)")
_UNSPEAKABLE = re.compile(r'["\\*?\[\]/\x00-\x1f]|^-|^\.\.?$')


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as `ls -ln` of OpenSSH's sftp shows it. `line` is another one when the file has changed."""

    name: str
    size: int
    line: str


@dataclass(slots=True)
class _Known:
    line: str
    seen_s: float
    fetched_s: float | None = None


@dataclass(slots=True)
class Chosen:
    """What is fetched, what stays (the names of all that are within bounds), and what is left out and why."""

    fetch: list[Listed] = field(default_factory=list)
    stay: set[str] = field(default_factory=set)
    asides: list[Aside] = field(default_factory=list)


def read_listing(lines: Iterable[str]) -> list[Listed]:
    """What is a file of it; other lines are the program's own words."""
    found = (_LINE.fullmatch(line.rstrip("\r\n")) for line in lines)
    return [Listed(each[2], int(each[1]), each[0]) for each in found if each is not None]


class Fetches:
    """What was fetched of one folder. `now_s` is the monotonic clock."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def choose(self, listed: Iterable[Listed], here: Mapping[str, int], now_s: float) -> Chosen:
        """`listed`: newest first. `here`: sizes of the files that are here already."""
        chosen, total, left_out = Chosen(), 0, 0
        before, self._known = self._known, {}
        for each in listed:
            if _UNSPEAKABLE.search(each.name):
                chosen.asides.append(
                    Aside("file_name", f"{each.name[:80]!r}: a name that sftp would not take as it is")
                )
                continue
            if each.size > FILE_MAX:
                chosen.asides.append(Aside("too_large", f"{each.name[:80]}: over {FILE_MAX >> 20} MiB"))
                continue
            if len(chosen.stay) >= FILES_MAX or total + each.size > TOTAL_MAX:
                left_out += 1
                continue
            total += each.size
            chosen.stay.add(each.name)
            known = before.get(each.name)
            if known is None or known.line != each.line:
                known = _Known(each.line, now_s)
            self._known[each.name] = known
            settled = known.fetched_s is not None and known.fetched_s >= known.seen_s + _SETTLED_S
            if not settled or here.get(each.name) != each.size:
                chosen.fetch.append(each)
        if left_out:
            said = (
                f"{left_out} older files of the folder are not fetched: at most {FILES_MAX}, and {TOTAL_MAX >> 20} MiB"
            )
            chosen.asides.append(Aside("too_many", said))
        return chosen

    def fetched(self, listed: Iterable[Listed], now_s: float) -> None:
        """These are here now, whole."""
        for each in listed:
            if each.name in self._known:
                self._known[each.name].fetched_s = now_s

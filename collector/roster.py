"""Who is in the fleet, held so that a device costs bytes: names and traits are shared, facts are made when asked for.

A region has 730,000 devices, and nearly all that is known of one is true of its whole centre, or of every device of its
sort. So a path holds ids alone, beside names and traits that it shares with every path that has the same; of these a
device's facts are put together within a microsecond or two.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from collector.facts import DeviceFacts, PathFacts, Place, Traits


class Roster(Mapping[str, DeviceFacts]):
    """The devices that one path carries, by the name that they bear on it; each has its place in it, from 0 on.

    `index` (name → place), `names` and `traits` (by place) may belong to other rosters too: they never change.
    """

    __slots__ = ("_ids", "_places", "index", "names", "traits")

    def __init__(
        self,
        index: dict[str, int],
        names: tuple[str, ...],
        ids: array[int],
        traits: tuple[Traits, ...],
        places: tuple[Place, ...],
    ) -> None:
        self.index = index
        self.names = names
        self.traits = traits
        self._ids = ids
        self._places = places  # a single one stands for all

    def facts(self, at: int) -> DeviceFacts:
        """Of the device in this place."""
        places = self._places
        return DeviceFacts(
            self._ids[at],
            self.names[at].rpartition("/")[2],
            places[0] if len(places) == 1 else places[at],
            self.traits[at],
        )

    def id(self, at: int) -> int:
        """The device's in this place."""
        return self._ids[at]

    def __getitem__(self, name: str) -> DeviceFacts:
        return self.facts(self.index[name])

    def __contains__(self, name: object) -> bool:
        return name in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self._ids)


class Register(Mapping[int, DeviceFacts]):
    """All devices by id. Each has a number, in the order of ids, from 0 on."""

    __slots__ = ("_ids", "_of", "_places", "_rosters")

    def __init__(self, rosters: list[tuple[str, Roster]]) -> None:
        self._rosters = rosters
        found = sorted(
            (roster.id(at), number, at) for number, (_, roster) in enumerate(rosters) for at in range(len(roster))
        )
        self._ids = array("q", (id_ for id_, _, _ in found))
        self._of = array("i", (number for _, number, _ in found))
        self._places = array("i", (at for _, _, at in found))

    def number(self, id_: int) -> int | None:
        """Its number; None for one that is not in the fleet."""
        number = bisect_left(self._ids, id_)
        return number if number < len(self._ids) and self._ids[number] == id_ else None

    def place(self, id_: int) -> tuple[str, int] | None:
        """Its path, and its place on the path's roster."""
        number = self.number(id_)
        return None if number is None else (self._rosters[self._of[number]][0], self._places[number])

    def __getitem__(self, id_: int) -> DeviceFacts:
        number = self.number(id_)
        if number is None:
            raise KeyError(id_)
        return self._rosters[self._of[number]][1].facts(self._places[number])

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, int) and self.number(id_) is not None

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


@dataclass(slots=True)
class Fleet:
    """The fleet as of one revision. `by_path[path][name]`: name is the device's, or `centre/device` under a feed."""

    revision: str
    paths: dict[str, PathFacts]
    by_path: dict[str, Roster]
    by_id: Register = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = Register(list(self.by_path.items()))


class Marks:
    """Some of the fleet's devices, at a byte for each that there is."""

    __slots__ = ("_marks", "_register")

    def __init__(self, register: Register) -> None:
        self._register = register
        self._marks = bytearray(len(register))

    def add(self, id_: int) -> bool:
        """Marks a device of the fleet. False when it was marked before, or is not in the fleet."""
        number = self._register.number(id_)
        if number is None or self._marks[number]:
            return False
        self._marks[number] = 1
        return True

    def __iter__(self) -> Iterator[int]:
        """The ids of those that are marked."""
        marks = self._marks
        return (id_ for number, id_ in enumerate(self._register) if marks[number])


class Enrolment:
    """Puts rosters together, device by device in any order. Places and traits that are alike are to be one object."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._of: dict[str, tuple[list[str], list[Traits], list[Place], array[int]]] = {
            path: ([], [], [], array("q")) for path in paths
        }

    def __contains__(self, path: str) -> bool:
        return path in self._of

    def add(self, name: str, id_: int, place: Place, traits: Traits) -> None:
        """`name` is what the device is called on its path. Raises KeyError for a path that is not there."""
        names, all_traits, places, ids = self._of[place.path]
        names.append(name)
        ids.append(id_)
        all_traits.append(traits)
        places.append(place)

    def rosters(self) -> dict[str, Roster]:
        """By path; nothing can be added afterwards."""
        names_known: dict[tuple[str, ...], tuple[tuple[str, ...], dict[str, int]]] = {}
        traits_known: dict[tuple[int, ...], tuple[Traits, ...]] = {}
        made: dict[str, Roster] = {}
        for path in list(self._of):
            listed, all_traits, placed, ids = self._of.pop(path)
            names, traits, places = tuple(listed), tuple(all_traits), tuple(placed)
            if names not in names_known:
                names_known[names] = names, {name: at for at, name in enumerate(names)}
            names, index = names_known[names]
            if len(set(map(id, places))) == 1:
                places = places[:1]
            traits = traits_known.setdefault(tuple(map(id, traits)), traits)
            made[path] = Roster(index, names, array("q", ids), traits, places)
        return made

"""How often the picture check is right, on clips that it was not tuned on; writes the tables of docs/picture-health.md.

python -m benchmarks.pictures [--again]

6,400 generated clips, half of them good, for tuning and for the test, by seed. (Seeds from 2,000,000, 3,000,000 and
7,000,000 were tests once; what they showed was put right, so they belong to tuning, as do those from 20,000,000.)
`--again` judges anew what was measured last (build/pictures.json), after a limit was changed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.picture.measuring import measure
from edge.picture.verdict import Picture, word_for
from edge.picture.watching import Watched
from shouwang import kinds
from shouwang.kinds.pictures import PictureLimits
from simulators.pictures import EARLIER, FAULTS, Clip, clip_of, looks

KEPT = Path("build/pictures.json")
PAGES = (Path("docs/picture-health.md"), Path("docs/picture-health.zh-CN.md"))
GOOD_CLIPS = {"tuning": 800, "test": 2_400}
FAULTY_CLIPS = {"tuning": 100, "test": 300}
"""Of each fault."""
FIRST_SEED = {"tuning": 1_000_000, "test": 41_000_000}
ASKED = {"black": 99, "covered": 99, "frozen": 99, "frozen_under_clock": 99, "defocused": 95, "turned": 95}
"""Percent."""
HARD = 200  # frozen under a moving clock, through x265: counted on its own
STALLED = "stalled"
WORDS = [*(each.value for each in Picture), STALLED]
_LATER_S = 7_200.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip, and what each of its looks weighed; an empty one is a look that no frame came to."""

    clip: Clip
    figures: list[dict[str, float]]


def limits() -> PictureLimits:
    found = kinds.load()["camera"].picture
    assert found is not None
    return found


def weigh_clip(clip: Clip) -> Judged:
    """Shows a clip to the judge: the looks an hour before, of which it takes its reference, then those that count."""
    watched, allowed, figures = Watched(), limits(), []
    for number, look in enumerate(looks(clip)):
        if len(look.frames):
            later_s = _LATER_S if number >= EARLIER else 0.0
            said = watched.see(measure(look.frames, look.chroma), later_s + 60.0 * number, allowed)
            figures.append({name: round(float(value), 4) for name, value in said.figures.items()})
        else:
            figures.append({})
    return Judged(clip, figures)


def word_of(judged: Judged, allowed: PictureLimits) -> str:
    """What is said after the last look: as `Watched` says it, from what was weighed."""
    faulty: list[Picture] = []
    said = Picture.OK
    for figures in judged.figures:
        if not figures:
            continue
        found = word_for(figures, allowed)
        if found is Picture.OK:
            faulty, said = [], found
        else:
            faulty.append(found)
            if len(faulty) >= allowed.confirm_looks:
                said = max(reversed(faulty), key=faulty.count)
    return said.value if judged.figures[-1] else STALLED


def clips(part: str) -> list[Clip]:
    """The clips of `tuning` or of `test`."""
    seed = FIRST_SEED[part]
    made = [clip_of(seed + number) for number in range(GOOD_CLIPS[part])]
    for kind, fault in enumerate(FAULTS):
        made += [clip_of(seed + 100_000 * (kind + 1) + number, fault) for number in range(FAULTY_CLIPS[part])]
    return made


def hard_clips(part: str) -> list[Clip]:
    """Frozen under a clock that goes on, through x265."""
    seed = FIRST_SEED[part] + 950_000
    return [clip_of(seed + number, "frozen_under_clock", codec="h265") for number in range(HARD)]


def weigh_all(wanted: Iterable[Clip]) -> list[Judged]:
    """In as many processes as there are cores."""
    cores = len(os.sched_getaffinity(0))
    wanted = list(wanted)
    with ProcessPoolExecutor(cores) as pool:
        done: list[Judged] = []
        for judged in pool.map(weigh_clip, wanted, chunksize=16):
            done.append(judged)
            if len(done) % 400 == 0:
                print(f"{len(done)} of {len(wanted)}", file=sys.stderr, flush=True)
    return done


def confusion(judged: Iterable[Judged], allowed: PictureLimits) -> dict[str, Counter[str]]:
    """By what a clip shows (`good` or the fault): how often each word was said."""
    table: dict[str, Counter[str]] = {"good": Counter(), **{fault: Counter() for fault in FAULTS}}
    for each in judged:
        table[each.clip.fault or "good"][word_of(each, allowed)] += 1
    return table


def rates(table: dict[str, Counter[str]]) -> dict[str, tuple[float, float]]:
    """By fault: the share of its clips that were called so, and that of those called anything but ok. Of good ones: the
    share that was left alone, twice."""
    found = {}
    for shown, said in table.items():
        truth = FAULTS.get(shown, Picture.OK.value)
        seen = said.total() - said[Picture.OK.value] if shown in FAULTS else said[Picture.OK.value]
        found[shown] = (said[truth] / said.total(), seen / said.total())
    return found


def as_rates(table: dict[str, Counter[str]]) -> str:
    """As Markdown, beside what is asked for."""
    lines = ["| shown | called so | called anything but ok | asked for |", "| --- | ---: | ---: | ---: |"]
    for shown, (so, seen) in rates(table).items():
        if shown == "good":
            lines.append(f"| good | | {1000 * (1 - so):.1f} ‰ | ≤ 1 ‰ |")
        else:
            asked = f"≥ {ASKED[shown]} %" if shown in ASKED else ""
            lines.append(f"| {shown} | {100 * so:.1f} % | {100 * seen:.1f} % | {asked} |")
    return "\n".join(lines)


def as_table(table: dict[str, Counter[str]]) -> str:
    """As Markdown."""
    lines = ["| shown | clips | " + " | ".join(WORDS) + " |", "| --- " + "| ---: " * (len(WORDS) + 1) + "|"]
    for shown, said in table.items():
        counts = [str(said[word]) if said[word] else "" for word in WORDS]
        lines.append(f"| {shown} | {said.total()} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def write_page(page: Path, sections: dict[str, str]) -> None:
    """Puts each section between its marks, `<!-- name -->` and `<!-- /name -->`."""
    text = page.read_text("utf-8")
    for name, body in sections.items():
        head, found, rest = text.partition(f"<!-- {name} -->\n")
        _, closed, tail = rest.partition(f"<!-- /{name} -->")
        if not (found and closed):
            raise ValueError(f"{page} has no place for {name}")
        text = f"{head}{found}{body}\n{closed}{tail}"
    page.write_text(text, "utf-8")


def _keep(parts: dict[str, list[Judged]]) -> None:
    kept = {
        part: [
            {"seed": each.clip.seed, "fault": each.clip.fault, "codec": each.clip.codec, "figures": each.figures}
            for each in judged
        ]
        for part, judged in parts.items()
    }
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept), "ascii")


def _kept() -> dict[str, list[Judged]]:
    def back(each: dict[str, Any]) -> Judged:
        return Judged(clip_of(each["seed"], each["fault"], codec=each["codec"]), each["figures"])

    return {part: [back(each) for each in judged] for part, judged in json.loads(KEPT.read_text("ascii")).items()}


def main() -> None:
    allowed = limits()
    if "--again" in sys.argv:
        parts = _kept()
    else:
        parts = {part: weigh_all(clips(part)) for part in FIRST_SEED}
        parts["hard"] = weigh_all(hard_clips("test"))
        _keep(parts)
    sections = {}
    for part in FIRST_SEED:
        table = confusion(parts[part], allowed)
        sections[part] = as_table(table)
        print(f"\n{part}\n{sections[part]}")
    sections["rates"] = as_rates(confusion(parts["test"], allowed))
    print(f"\n{sections['rates']}")
    hard = Counter(word_of(each, allowed) for each in parts["hard"])
    print(f"\nfrozen under a moving clock, x265: {hard['frozen']} of {hard.total()}")
    wrong = [each for part in FIRST_SEED for each in parts[part] if word_of(each, allowed) != each.clip.truth]
    for each in wrong if "--wrong" in sys.argv else []:
        print(each.clip, word_of(each, allowed), each.figures[-1])
    for page in PAGES:
        write_page(page, sections | {"hard": f"{hard['frozen']} / {hard.total()}"})


if __name__ == "__main__":
    main()

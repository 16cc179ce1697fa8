"""What a Mosquitto configuration lets agents do, decided from its text (mosquitto.conf(5)); nothing is connected to.

A rule grants; nothing denies but `deny`. `pattern` rules hold for everybody, `topic` rules for the user named before
them (before any `user` line: for who has no name).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collector.doctor.finding import Finding, found
from shouwang import topics

CENTRE, OTHER = "150525100201", "150525100202"
WRITES, READS = ("presence", "report", "event", "reply"), ("config", "command", "ack")
FENCE = topics.fence("main")
QUEUE_MESSAGES_MIN = 100_000
QUEUE_DEFAULT = 1_000
_DEEDS = {"write": ("写 {topic}", "write {topic}"), "read": ("读 {topic}", "read {topic}")}


@dataclass(frozen=True, slots=True)
class Rule:
    """`user` None: for everybody (a pattern); "": for who has no name."""

    user: str | None
    access: str  # read, write, readwrite, deny
    topic: str

    def holds_for(self, name: str, deed: str, topic: str) -> bool:
        wanted = self.topic.replace("%u", name).replace("%c", name) if self.user is None else self.topic
        granted = (deed, "readwrite") if deed != "deny" else (deed,)
        return self.user in (None, name) and self.access in granted and matches(wanted, topic)


@dataclass(slots=True)
class Conf:
    """The lines of mosquitto.conf and what it includes, by their first word."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def last(self, key: str, default: str = "") -> str:
        return self.values.get(key, [default])[-1]


def parse_conf(text: str, include: Callable[[str], Iterable[str]] = lambda _: ()) -> Conf:
    """`include` gives the texts of the files of an `include_dir`."""
    conf = Conf()
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "include_dir":
            for more in include(value.strip()):
                for name, values in parse_conf(more, include).values.items():
                    conf.values.setdefault(name, []).extend(values)
        elif key and not key.startswith("#"):
            conf.values.setdefault(key, []).append(value.strip())
    return conf


def parse_acl(text: str) -> list[Rule]:
    rules: list[Rule] = []
    user = ""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "user":
            user = line.partition("user")[2].strip()
        elif words[0] in ("topic", "pattern") and len(words) > 1:
            has_access = words[1] in ("read", "write", "readwrite", "deny") and len(words) > 2
            access, rest = (words[1], words[2:]) if has_access else ("readwrite", words[1:])
            rules.append(Rule(user if words[0] == "topic" else None, access, " ".join(rest)))
    return rules


def may(rules: Iterable[Rule], name: str, deed: str, topic: str) -> bool:
    """Whether a user may `read` or `write` a topic."""
    holding = list(rules)
    if any(rule.holds_for(name, "deny", topic) for rule in holding):
        return False
    return any(rule.holds_for(name, deed, topic) for rule in holding)


def matches(pattern: str, topic: str) -> bool:
    """MQTT 5, 4.7: `+` is one level, `#` all that follow."""
    wanted, levels = pattern.split("/"), topic.split("/")
    for at, part in enumerate(wanted):
        if part == "#":
            return True
        if at >= len(levels) or part not in ("+", levels[at]):
            return False
    return len(wanted) == len(levels)


def judge(conf: Conf, conf_file: Path, acl: str | None, acl_file: Path, collector: str) -> Iterator[Finding]:
    """Everything that is wrong. `acl` None: there is none. `collector`: our own user name."""
    if conf.last("persistence", "false") != "true":
        yield found("broker_forgets", file=conf_file)
    queued = conf.last("max_queued_messages", str(QUEUE_DEFAULT))
    if not queued.isdigit() or int(queued) < QUEUE_MESSAGES_MIN:
        yield found("broker_queue", file=conf_file, count=queued)
    if acl is None:
        yield found("acl_missing", file=conf_file)
        return
    yield from judge_acl(parse_acl(acl), acl_file, collector)


def judge_acl(rules: list[Rule], file: Path, collector: str) -> Iterator[Finding]:
    """What an agent may that it must not, and what somebody must that they may not: the first of each."""
    for deed, topic in _forbidden():
        if may(rules, CENTRE, deed, topic):
            yield _of_deed("acl_wide", file, deed, topic)
            break
    for who, deed, needed in _needed(collector):
        lacking = next((topic for topic in needed if not may(rules, who, deed, topic)), None)
        if lacking is not None:
            yield _of_deed("acl_narrow", file, deed, lacking, who=who)


def _forbidden() -> Iterator[tuple[str, str]]:
    """What the agent of CENTRE must not do."""
    yield from (("write", topic_of(CENTRE, channel)) for channel in READS)
    for deed in ("write", "read"):
        yield from ((deed, topic_of(OTHER, channel)) for channel in WRITES + READS)


def _needed(collector: str) -> Iterator[tuple[str, str, list[str]]]:
    """Who must be able to do what."""
    up, down = [topic_of(CENTRE, each) for each in WRITES], [topic_of(CENTRE, each) for each in READS]
    yield from ((CENTRE, "write", up), (CENTRE, "read", down))
    yield from ((collector, "write", [*down, FENCE]), (collector, "read", [*up, FENCE]))


def _of_deed(code: str, file: Path, deed: str, topic: str, **more: str) -> Finding:
    zh, en = (words.format(topic=topic) for words in _DEEDS[deed])
    return found(code, file=file, deed_zh=zh, deed=en, **more)


def topic_of(centre: str, channel: str) -> str:
    return f"shouwang/v1/{centre[:6]}/{centre}/{channel}"

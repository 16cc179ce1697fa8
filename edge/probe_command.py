"""`shouwang probe` at work: one probe or a while of listening, and what a person then reads."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.allowed import Allowed, AllowedFile
from edge.hearing import Heard, listened_for, load_listener
from edge.listen_file import options_of
from edge.probing import Answer, Around, make_probe
from edge.second_look import second_look
from edge.secrets import Secrets
from edge.steps import Step, collected
from shouwang.reasons import Reason, reason_of

_STEPS = {"name": "域名解析", "connect": "连接", "tls": "TLS 握手", "echo": "回音"}
_WORDS = {
    "zh": {"answers": "有应答", "silent": "无应答", "heard": "收到", "nothing": "什么也没有收到"},
    "en": {
        "answers": "answers",
        "silent": "does not answer",
        "heard": "heard",
        "nothing": "nothing was heard",
    },
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What one probe saw."""

    answer: Answer
    steps: list[Step]
    why: list[Reason] = field(default_factory=list)


def language(said: str | None) -> str:
    """`zh` or `en`: as asked for, else as the terminal's locale has it."""
    if said:
        return said
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


async def look(driver: str, target: str, settings: Mapping[str, Any], secrets: Path | None, timeout_s: float) -> Looked:
    """Asks once, and looks again where nobody answers. Raises what `make_probe` raises."""
    with tempfile.TemporaryDirectory(prefix="shouwang-probe-") as folder:
        around = _around(secrets, Path(folder))
        try:
            probe = make_probe(driver, target, settings, around)
            with collected() as steps:
                answer = await probe.ask(timeout_s)
            why = [] if not answer.reason else [reason_of(answer.reason)]
            if not answer.reachable and (more := await second_look(driver, target, around)) is not None:
                why.append(more)
            return Looked(answer, steps, why)
        finally:
            around.close()


async def listen(
    driver: str,
    target: str,
    settings: Mapping[str, Any],
    options: Mapping[str, Any],
    secrets: Path | None,
    seconds: float,
    say: Callable[[Heard], None],
) -> None:
    """Listens for one device, so long. Raises NoDriverError, ProbeConfigError, ListenFileError or OSError."""
    listener = load_listener(driver)
    if listener is None:
        raise ValueError(f"driver {driver!r} does not listen: it asks; leave --listen out")
    with tempfile.TemporaryDirectory(prefix="shouwang-probe-") as folder:
        around = _around(secrets, Path(folder))
        made = listener(options_of(driver, options, "--option"), around, say)
        wanted = listened_for(listener, target or "device", "", target, settings, 60.0, around)
        if wanted is None:
            raise ValueError("with these settings it is only asked: see the driver's README for what listens")
        try:
            try:
                await made.start()
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise ValueError(
                    f"the port on which {driver} listens is taken on this machine: end what has it (an agent?), "
                    "or name another with --option port=…"
                ) from error
            made.watch([wanted])
            await asyncio.sleep(seconds)
        finally:
            await made.stop()
            around.close()


def as_json(driver: str, target: str, looked: Looked) -> str:
    """One line: fields of the answer beside what was asked, each step's milliseconds, and why in both languages."""
    said = {
        "driver": driver,
        "target": target,
        **looked.answer.as_fields(),
        "reason": str(looked.answer.reason),
        "why": [reason.words() for reason in looked.why],
        "steps": [{"step": each.name, "ms": round(each.took_ms, 2), "ok": each.ok} for each in looked.steps],
    }
    return json.dumps(said, ensure_ascii=False)


def as_text(driver: str, target: str, looked: Looked, lang: str) -> str:
    """For a person."""
    answer, words = looked.answer, _WORDS[lang]
    latency = f"  {answer.latency_ms:.1f} ms" if answer.latency_ms is not None else ""
    lines = [f"{words['answers' if answer.reachable else 'silent']}{latency}  {target or driver}"]
    lines += [f"  {reason.words()[lang]}" for reason in looked.why]
    lines += [f"  {name}  {value}" for name, value in answer.fields.items()]
    for step in looked.steps:
        name = _STEPS.get(step.name, step.name) if lang == "zh" else step.name
        lines.append(f"  {'✓' if step.ok else '✗'} {name}  {step.took_ms:.1f} ms")
    return "\n".join(lines)


def heard_as_text(heard: Heard, lang: str) -> str:
    """A line for what a device said."""
    said = ", ".join(f"{name}={value}" for name, value in {**heard.fields, **heard.detail}.items())
    return f"{_WORDS[lang]['heard']}  {heard.device}  {heard.event}  {said}".rstrip()


def nothing_heard(lang: str) -> str:
    """For a while of listening in vain."""
    return _WORDS[lang]["nothing"]


def _around(secrets: Path | None, folder: Path) -> Around:
    # A person who sits at the machine may ask whatever the machine can reach.
    anything = Allowed(AllowedFile(networks=["0.0.0.0/0", "::/0"], loopback=True, link_local=True))
    return Around(allowed=anything, secrets=Secrets(secrets), state_directory=folder)

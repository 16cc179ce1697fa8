"""`shouwang notify test`: whether a provider really reaches somebody."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile
from shouwang.trouble import Trouble, WrongUsage


def notify_test(
    provider: Annotated[
        str | None, typer.Argument(help="webhook, wecom, dingtalk or email. Left out: all that are configured.")
    ] = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message, and say truthfully whether it was accepted: exit code 1 when it was not.

    Example: shouwang notify test wecom
    """
    from collector.notify import Answer, Provider, configured, send_test

    loaded = settings.load(settings_file)
    ways = configured(loaded.settings.notify, loaded.sources)
    if provider is not None and provider not in ways:
        known = ", ".join(ways) or "none: see [notify] in shouwang.toml"
        raise WrongUsage(f"the provider {provider!r} is not configured; configured are {known}")
    if not ways:
        raise WrongUsage("no provider is configured: see [notify] in shouwang.toml")

    async def send(way: Provider) -> Answer:
        try:
            return await send_test(way, loaded.settings.public_url)
        finally:
            await way.close()

    async def send_all() -> dict[str, Answer]:
        wanted = {name: way for name, way in ways.items() if provider in (None, name)}
        answers = await asyncio.gather(*(send(way) for way in wanted.values()))
        return dict(zip(wanted, answers, strict=True))

    answers = asyncio.run(send_all())
    if as_json:
        said = [{"provider": name, "accepted": a.accepted, "answer": a.text} for name, a in answers.items()]
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        for name, answer in answers.items():
            typer.echo(f"{name}: {'accepted' if answer.accepted else 'NOT accepted'}: {answer.text}")
    failed = [name for name, answer in answers.items() if not answer.accepted]
    if failed:
        raise Trouble(f"{', '.join(failed)}: not accepted; what is owed to people by this way does not arrive")

"""Asks the centre of it whether another bundle is offered, fetches and verifies it: `python -m edge.upgrade.fetch`.

A process of its own that ends: what it loads (HTTP, TLS, the signature) is not the agent's to carry. An order comes as
JSON on standard input, what came of it goes out as JSON on standard output.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge.upgrade import record, store
from edge.upgrade.order import Found, Order
from edge.upgrade.record import Outcome
from shouwang import bundles, clock
from shouwang.bundles import Manifest, Signed, WrongBundle
from shouwang.dial import tls_context

ANSWER_MAX = 64 << 10
TIMEOUT_S = 30.0
_CHUNK = 64 << 10


class Answer(msgspec.Struct, frozen=True):
    """The centre's: when to ask again, and what is offered."""

    ask_again_s: Annotated[float, Meta(ge=1, le=7 * 86_400)] = 600.0
    offer: Signed | None = None


def fetch(order: Order) -> Found:
    """Asks, and fetches what is offered. Where a bundle is refused, the record says why, and the centre is told at
    once. Raises OSError and WrongBundle for a centre that cannot be asked."""
    folder = Path(order.folder)
    answer = _ask(order)
    if answer.offer is None:
        return Found(answer.ask_again_s)
    manifest = bundles.verified(answer.offer, order.public_key)
    known = record.load(folder)
    if known.chosen == manifest.sha256 or known.has_failed(manifest.sha256):
        return Found(answer.ask_again_s)
    try:
        _bring(order, manifest, answer.offer)
    except WrongBundle as wrong:
        why = str(wrong)
        store.forget_others(folder, _kept(known))
        record.change(folder, lambda r: record.refused(r, manifest.sha256, manifest.version, why, clock.wall_ms()))
        return Found(_ask(order).ask_again_s)
    return Found(answer.ask_again_s, manifest.sha256, manifest.version)


def _kept(known: record.Record) -> set[str]:
    return {known.chosen, known.trial.sha256 if known.trial else ""}


def _ask(order: Order) -> Answer:
    known = record.load(Path(order.folder))
    newest: Outcome | None = None if known.said else known.newest
    said = {
        "version": order.version,
        "architecture": order.architecture,
        "sha256": known.chosen,
        "outcome": msgspec.to_builtins(newest) if newest else None,
    }
    with _open(order, "/agent/v1/upgrade", json.dumps(said).encode()) as response:
        answer = msgspec.json.decode(response.read(ANSWER_MAX), type=Answer)
    if newest is not None:
        record.change(Path(order.folder), lambda r: record.told(r) if r.newest == newest else r)
    return answer


def _bring(order: Order, manifest: Manifest, signed: Signed) -> None:
    """The bundle into the folder, whole, signed and for this machine. Raises WrongBundle, OSError."""
    if manifest.architecture != order.architecture:
        raise WrongBundle(f"it is for {manifest.architecture}, and this is {order.architecture}")
    folder = Path(order.folder)
    folder.mkdir(parents=True, exist_ok=True)
    target = store.bundle(folder, manifest.sha256)
    if not target.exists():
        part = folder / f"{manifest.sha256}.part"
        _download(order, manifest, part)
        part.replace(target)
    store.keep_manifest(folder, manifest.sha256, signed)
    store.checked(folder, manifest.sha256, order.public_key)


def _download(order: Order, manifest: Manifest, part: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with _open(order, f"/agent/v1/bundles/{manifest.sha256}") as response, part.open("wb") as file:
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > manifest.size:
                break
            digest.update(chunk)
            file.write(chunk)
    if size != manifest.size or digest.hexdigest() != manifest.sha256:
        part.unlink(missing_ok=True)
        if size < manifest.size:
            raise OSError(f"the line broke after {size} of {manifest.size} bytes")
        raise WrongBundle("what the centre sent is not what was signed")


def _open(order: Order, path: str, data: bytes | None = None) -> Any:
    url = order.server.rstrip("/") + path
    if not url.startswith(("http://", "https://")):
        raise OSError(f"{order.server!r} is no http address")
    password = Path(order.password_file).read_text("utf-8").strip() if order.password_file else ""
    basic = base64.b64encode(f"{order.username}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
    tls = tls_context(Path(order.ca_file) if order.ca_file else None, None, None) if url.startswith("https:") else None
    request = urllib.request.Request(url, data, headers)  # noqa: S310
    try:
        return urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=tls)).open(
            request, timeout=TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"{url}: {error.code} {error.read(300).decode('utf-8', 'replace')}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The password goes to who was named, and to nobody that he names."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def main() -> int:
    order = msgspec.json.decode(sys.stdin.buffer.read(ANSWER_MAX), type=Order)
    try:
        found = fetch(order)
    except (OSError, WrongBundle, msgspec.MsgspecError) as error:
        found = Found(600.0, trouble=str(error)[:500])
    sys.stdout.write(msgspec.json.encode(found).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

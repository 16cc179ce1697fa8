"""Answers to a challenge of HTTP or RTSP: Basic (RFC 7617) and Digest (RFC 7616: MD5, SHA-256, SHA-512-256, `auth`)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

# Nothing in it is tried twice: a device's header of a few kilobytes must not hold up the others for seconds.
_PARAMETER = re.compile(r'(?<![a-zA-Z0-9_-])([a-zA-Z0-9_-]{1,64}+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,]++))')
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    # MD5 is what most cameras offer; it is theirs to choose, and stands last when they offer better.
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


def answer(
    challenges: Sequence[str], method: str, uri: str, user: str, password: str, *, cnonce: str | None = None
) -> str | None:
    """The value of `Authorization` for the best of the challenges (`WWW-Authenticate` headers); None when none is
    understood. A password is sent as it is (Basic) only where nothing better is offered."""
    offered = {name: parameters for name, parameters in map(parse_challenge, challenges) if name}
    digests = {p.get("algorithm", "MD5").upper(): p for n, p in map(parse_challenge, challenges) if n == "digest"}
    for name in _ALGORITHMS:
        for suffix in ("", "-SESS"):
            if name + suffix in digests:
                return _digest(name, bool(suffix), digests[name + suffix], method, uri, user, password, cnonce)
    if "basic" in offered:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return None


def _digest(
    name: str,
    session: bool,
    said: dict[str, str],
    method: str,
    uri: str,
    user: str,
    password: str,
    cnonce: str | None,
) -> str | None:
    hashed = _ALGORITHMS[name]

    def digest(*parts: str) -> str:
        return hashed(":".join(parts).encode())

    realm, nonce = said.get("realm", ""), said.get("nonce", "")
    ours = cnonce or secrets.token_hex(8)
    secret = digest(user, realm, password)
    if session:
        secret = digest(secret, nonce, ours)
    wanted = [quality.strip() for quality in said.get("qop", "").split(",") if quality.strip()]
    if wanted and "auth" not in wanted:
        return None
    made = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    if wanted:
        made["response"] = digest(secret, nonce, "00000001", ours, "auth", digest(method, uri))
    else:
        made["response"] = digest(secret, nonce, digest(method, uri))
    if "opaque" in said:
        made["opaque"] = said["opaque"]
    bare = {"algorithm": said["algorithm"]} if "algorithm" in said else {}
    if wanted:
        bare |= {"qop": "auth", "nc": "00000001"}
    if wanted or session:
        made["cnonce"] = ours
    quoted = [f'{key}="{_escape(value)}"' for key, value in made.items()]
    return "Digest " + ", ".join([*quoted, *(f"{key}={value}" for key, value in bare.items())])


def parse_challenge(challenge: str) -> tuple[str, dict[str, str]]:
    """Its scheme in lower case, and its parameters; an `Authorization` reads the same way."""
    scheme, _, rest = challenge.strip().partition(" ")
    said = {
        key.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted or not bare else bare
        for key, quoted, bare in _PARAMETER.findall(rest)
    }
    return scheme.lower(), said


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')

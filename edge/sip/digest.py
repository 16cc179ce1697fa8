"""Digest as a server asks for it (RFC 3261, 22; RFC 8760): challenges, and whether an answer to one is right."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum

from edge.auth import parse_challenge
from edge.sip.message import Request

GOOD_FOR_S = 300.0
_USED_MAX = 4_096
_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


USUAL = ("MD5",)
"""Telephones that know MD5 alone give up where SHA-256 is offered beside it (baresip 1.0: in any order; sipp 3.6: when
it stands first), although RFC 8760 lets both stand; so SHA-256 is offered where it is asked for."""


class Verdict(StrEnum):
    """What an Authorization is worth."""

    RIGHT = "right"
    WRONG = "wrong"  # the password is another one
    NONE = "none"  # none was given, or none that we can read
    STALE = "stale"  # right once: ask again with a fresh nonce, quietly


class Digest:
    """One a realm. A nonce says itself when it was made and for whom, so that none has to be kept; what was used is,
    so that a recorded REGISTER cannot be played again."""

    def __init__(self, realm: str, algorithms: Sequence[str] = USUAL) -> None:
        self.realm = realm
        self._algorithms = tuple(algorithms)
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[tuple[str, str], None] = OrderedDict()

    def challenges(self, host: str, now_s: float, *, stale: bool = False) -> list[tuple[str, str]]:
        """Headers of a 401, one an algorithm (RFC 8760)."""
        nonce = self._nonce(host, now_s)
        also = ", stale=true" if stale else ""
        return [
            (
                "www-authenticate",
                f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={name}, qop="auth"{also}',
            )
            for name in self._algorithms
        ]

    def check(self, request: Request, user: str, password: str, host: str, now_s: float) -> Verdict:
        """Whether the request proves the password. `user` is who its device says it is."""
        verdict = Verdict.NONE
        for value in request.every("authorization"):
            scheme, said = parse_challenge(value)
            if scheme == "digest":
                verdict = self._check_one(said, request, user, password, host, now_s)
                if verdict is not Verdict.WRONG:
                    return verdict
        return verdict

    def _check_one(
        self, said: dict[str, str], request: Request, user: str, password: str, host: str, now_s: float
    ) -> Verdict:
        name = said.get("algorithm", "MD5").upper()
        if name not in self._algorithms or said.get("realm") != self.realm:
            return Verdict.NONE
        hashed, nonce = _HASHES[name], said.get("nonce", "")

        def digest(*parts: str) -> str:
            return hashed(":".join(parts).encode("utf-8", "surrogateescape"))

        middle = [nonce]
        if said.get("qop"):
            if said["qop"].lower() != "auth":
                return Verdict.NONE
            middle = [nonce, said.get("nc", ""), said.get("cnonce", ""), said["qop"]]
        secret = digest(said.get("username", ""), self.realm, password)
        wanted = digest(secret, *middle, digest(request.method, said.get("uri", "")))
        given = said.get("response", "").lower()
        if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape")):
            return Verdict.WRONG
        if said.get("username") != user:
            return Verdict.WRONG
        if not self._fresh(nonce, host, now_s):
            return Verdict.STALE
        use = (nonce, said.get("nc") or request.first("cseq"))
        if use in self._used:
            return Verdict.STALE
        self._used[use] = None
        if len(self._used) > _USED_MAX:
            self._used.popitem(last=False)
        return Verdict.RIGHT

    def _nonce(self, host: str, now_s: float) -> str:
        made = f"{round(now_s * 1000):x}.{secrets.token_hex(4)}"  # two in one millisecond are not the same
        return f"{made}-{self._seal(made, host)}"

    def _seal(self, made: str, host: str) -> str:
        return hmac.new(self._key, f"{made} {host}".encode("utf-8", "surrogateescape"), "sha256").hexdigest()[:32]

    def _fresh(self, nonce: str, host: str, now_s: float) -> bool:
        made, _, seal = nonce.partition("-")
        if not hmac.compare_digest(seal.encode("utf-8", "surrogateescape"), self._seal(made, host).encode()):
            return False
        age_s = now_s - int(made.partition(".")[0], 16) / 1000  # ours, as its seal says
        return -1 <= age_s <= GOOD_FOR_S

"""Who may do and see what: the only place that decides. Every route asks it, by `Needs` or, saying why not, by `Open`.

A role grants permissions; a person's townships bound what they reach. What lies outside does not exist for them.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.responses import Response

from api.house import House, house_of
from api.problems import Problem
from shouwang.ledger import people, viewings
from shouwang.ledger.people import Person
from shouwang.ledger.views import Scope
from shouwang.log import get_logger
from shouwang.vocabulary import Role

log = get_logger("api.access")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED_A_MINUTE_MAX = 30
_CLIENTS_MAX = 10_000


class Permission(StrEnum):
    SEE = "see"
    SEE_HOUSEHOLDS = "see_households"
    PROBE = "probe"
    HANDLE = "handle"  # acknowledge, note, close
    MAINTAIN = "maintain"
    FLEET = "fleet"  # read and replace the whole of it
    ADD_DEVICE = "add_device"
    TEST_NOTIFY = "test_notify"
    UPGRADE = "upgrade"  # offer agents another version
    ENROL = "enrol"  # let a box become a centre's agent


_TECHNICIAN = frozenset(
    {Permission.SEE, Permission.SEE_HOUSEHOLDS, Permission.PROBE, Permission.HANDLE, Permission.MAINTAIN}
)
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.SEE}),
    Role.TECHNICIAN: _TECHNICIAN,
    Role.DUTY_OFFICER: _TECHNICIAN,
    Role.ADMINISTRATOR: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever makes this request, and the house it is made to."""

    person: Person
    house: House

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def scope(self) -> Scope:
        """What of the ledger they may see."""
        return Scope(self.person.townships, sees_households=self.may(Permission.SEE_HOUSEHOLDS))

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.person.role]

    def note_viewing(self, what: str, centre: str = "", device: str = "", *, allowed: bool = True) -> None:
        """Keeps that they looked at personal data, or were refused."""
        with self.house.writing() as connection:
            viewings.note_viewing(
                connection, self.name, what, self.house.now_ms, centre=centre, device=device, allowed=allowed
            )


class Needs:
    """A route's dependency: lets in who has the permission and gives the Asker; else 401 or 403."""

    def __init__(self, permission: Permission, *, everywhere: bool = False) -> None:
        self.permission = permission
        self.everywhere = everywhere

    def __call__(self, request: Request) -> Asker:
        asker = Asker(_identify(request), house_of(request))
        if not asker.may(self.permission):
            self._refuse(asker, request, f"the role {asker.person.role} does not grant {self.permission}")
        if self.everywhere and not asker.scope.everywhere:
            self._refuse(asker, request, "it concerns the whole fleet, and you are bound to some townships")
        return asker

    @staticmethod
    def _refuse(asker: Asker, request: Request, why: str) -> None:
        log.warning("refused", who=asker.name, method=request.method, path=request.url.path, why=why)
        asker.note_viewing(f"{request.method} {request.url.path}"[:200], allowed=False)
        raise Problem(403, "forbidden", "Not yours to do", why)


class Open:
    """A route's dependency that says why everybody may use it. Writes must still come from our own pages."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __call__(self, request: Request) -> None:
        if request.method not in _SAFE:
            refuse_cross_site(request)


class OfAgent(Open):
    """A dependency of what agents ask for themselves: lets in who has the name and the MQTT password of one, and gives
    its name; else 401."""

    def __init__(self) -> None:
        super().__init__("an agent shows its own password")

    def __call__(self, request: Request) -> str:  # type: ignore[override]
        scheme, _, said = request.headers.get("authorization", "").partition(" ")
        house = house_of(request)
        name, password = _basic(said) if scheme.lower() == "basic" else ("", "")
        if name:
            with house.reading() as connection:
                if people.agent_known(connection, name, password):
                    return name
        return refuse_stranger(
            request, 'Basic realm="shouwang agents"', "an agent shows its centre and its MQTT password"
        )


def _basic(said: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name[:64], password[:256]


def refuse_stranger(request: Request, realm: str, detail: str) -> NoReturn:
    """Raises a 401 Problem, or a 429 one for who has tried too often."""
    _refusals(request).count(request, asked=True)
    raise Problem(401, "not-signed-in", "Not known", detail, headers={"WWW-Authenticate": realm})


Sees = Annotated[Asker, Depends(Needs(Permission.SEE))]
Probes = Annotated[Asker, Depends(Needs(Permission.PROBE))]
Handles = Annotated[Asker, Depends(Needs(Permission.HANDLE))]
Maintains = Annotated[Asker, Depends(Needs(Permission.MAINTAIN))]
AddsDevices = Annotated[Asker, Depends(Needs(Permission.ADD_DEVICE))]
KeepsFleet = Annotated[Asker, Depends(Needs(Permission.FLEET, everywhere=True))]
TestsNotify = Annotated[Asker, Depends(Needs(Permission.TEST_NOTIFY))]
Upgrades = Annotated[Asker, Depends(Needs(Permission.UPGRADE, everywhere=True))]
Enrols = Annotated[Asker, Depends(Needs(Permission.ENROL))]
AnAgent = Annotated[str, Depends(OfAgent())]


def person_signed_in(request: Request) -> Person | None:
    """Who is signed in by session, for pages that everybody may open; None when nobody is."""
    secret = request.cookies.get(cookie_name(house_of(request)))
    if not secret:
        return None
    house = house_of(request)
    with house.reading() as connection:
        return people.person_by_session(connection, secret, house.now_ms)


def still_let_in(house: House, credential_id: int) -> bool:
    """Whether someone let in before (an open stream) still is; notes that they are in use."""
    now_ms = house.now_ms
    with house.reading() as connection:
        valid = people.still_valid(connection, credential_id, now_ms)
        due = valid and people.needs_touch(connection, credential_id, now_ms)
    if due:
        with house.writing() as connection:
            people.touch(connection, credential_id, now_ms)
    return valid


def cookie_name(house: House) -> str:
    """`__Host-…` binds the cookie to https and to this host; over http on loopback it has a plain name."""
    return "__Host-shouwang" if house.https else "shouwang"


def keep_session(response: Response, house: House, secret: str) -> None:
    """Sets the session's cookie."""
    response.set_cookie(
        cookie_name(house),
        secret,
        max_age=people.SESSION_LIFE_S,
        path="/",
        secure=house.https,
        httponly=True,
        samesite="lax",  # a link in a chat message must find its reader signed in
    )


def drop_session(response: Response, house: House) -> None:
    """Removes the session's cookie."""
    response.delete_cookie(cookie_name(house), path="/", secure=house.https, httponly=True, samesite="lax")


def refuse_cross_site(request: Request) -> None:
    """Raises a 403 Problem unless a page of our own made the request (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        own = urlsplit(house_of(request).public_url)
        ours = bool(origin.netloc) and origin.netloc in (own.netloc, request.headers.get("host"))
    if not ours:
        log.warning("refused", method=request.method, path=request.url.path, why="cross-site")
        raise Problem(
            403, "cross-site", "Not from our own pages", "a write with the console's session must come from its pages"
        )


def _identify(request: Request) -> Person:
    house = house_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    session = request.cookies.get(cookie_name(house))
    now_ms = house.now_ms
    person = None
    due = False
    with house.reading() as connection:
        if token and scheme.lower() == "bearer":
            person = people.person_by_token(connection, token.strip(), now_ms)
        elif session:
            person = people.person_by_session(connection, session, now_ms)
        if person is not None:
            due = people.needs_touch(connection, person.credential_id, now_ms)
    if person is None:
        _refusals(request).count(request, asked=bool(token or session))
        raise Problem(
            401,
            "not-signed-in",
            "Sign in first",
            "send `Authorization: Bearer <token>` (`shouwang token create` makes one) or sign in to the console",
            headers={"WWW-Authenticate": 'Bearer realm="shouwang"'},
        )
    if person.by_session and request.method not in _SAFE:
        refuse_cross_site(request)
    if due:
        with house.writing() as connection:
            people.touch(connection, person.credential_id, now_ms)
    return person


class Refusals:
    """Counts wrong credentials of a client within a minute; who tries too many is told to wait. A right credential is
    never refused, whatever others behind the same address tried."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()

    def count(self, request: Request, *, asked: bool) -> None:
        """Raises a 429 Problem past the limit."""
        if not asked:
            return
        client = request.client.host if request.client else ""
        key = (client, house_of(request).now_ms // 60_000)
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] == _REFUSED_A_MINUTE_MAX:
            log.warning("many wrong credentials", client=client)
        while len(self._counts) > _CLIENTS_MAX:
            self._counts.popitem(last=False)
        if self._counts[key] > _REFUSED_A_MINUTE_MAX:
            raise Problem(429, "too-many", "Too many wrong credentials", "wait a minute", headers={"Retry-After": "60"})


def _refusals(request: Request) -> Refusals:
    state = request.app.state
    if not hasattr(state, "refusals"):
        state.refusals = Refusals()
    found: Refusals = state.refusals
    return found

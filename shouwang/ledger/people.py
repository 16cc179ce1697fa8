"""Who may come in: users, one-time sign-in links, sessions, API tokens, and the MQTT passwords of agents.

Only hashes are kept: the SHA-256 of secrets that hold 192 random bits (nothing weaker is ever made here, so a slow hash
would protect nothing), and for MQTT the form that Mosquitto's password file takes. Functions that write expect a
connection of an engine with `execution_options(writes=True)`; `now_ms` is Unix epoch milliseconds.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shouwang.ledger.tables import Centre, Credential, Feed, User
from shouwang.vocabulary import Role

LINK_LIFE_S = 15 * 60
ENROLMENT_LIFE_S = 24 * 3600
SESSION_IDLE_S = 12 * 3600
SESSION_LIFE_S = 14 * 86_400
_TOUCH_EVERY_MS = 60_000
_MOSQUITTO_ROUNDS = 101
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 that are not taken for each other
_MISREAD = str.maketrans("1I", "LL")
_CODE_CHARS = 20
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{32,128}")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f/][^\x00-\x1f\x7f/]{0,63}")


class PeopleError(ValueError):
    """What was asked cannot be done; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks: somebody signed in, or a program with a token. `townships` None: all of them."""

    credential_id: int
    name: str
    role: Role
    townships: frozenset[str] | None
    language: str = "zh"
    user_id: int | None = None
    by_session: bool = False


def add_user(
    connection: Connection,
    name: str,
    role: Role,
    now_ms: int,
    *,
    townships: Iterable[str] = (),
    language: str = "zh",
) -> int:
    """A new user's id; without a password: they come in by one-time links. Raises PeopleError."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise PeopleError(f"user name {name!r}: 1 to 64 characters, no slash, no blanks at its ends")
    if language not in ("zh", "en"):
        raise PeopleError(f"language {language!r} is neither zh nor en")
    row = {
        "name": name,
        "role": Role(role).value,
        "townships": _known_townships(connection, townships),
        "language": language,
        "created_at": now_ms,
    }
    try:
        with connection.begin_nested():
            return int(connection.execute(insert(User).returning(User.id), row).scalar_one())
    except IntegrityError as error:
        raise PeopleError(f"there is a user {name!r} already; `shouwang user link {name}` lets them in anew") from error


def new_link(connection: Connection, name: str, now_ms: int, life_s: float = LINK_LIFE_S) -> str:
    """The secret of a sign-in link that works once, within `life_s`. Links given before end. Raises PeopleError."""
    user = connection.execute(select(User.id).where(User.name == name, User.ended_at.is_(None))).first()
    if user is None:
        raise PeopleError(f"there is no user {name!r}; `shouwang user add {name}` makes one")
    connection.execute(
        update(Credential)
        .where(Credential.user_id == user.id, Credential.what == "link", Credential.ended_at.is_(None))
        .values(ended_at=now_ms)
    )
    return _issue(connection, "link", now_ms, user_id=user.id, expires_at=now_ms + round(life_s * 1000))


def sign_in(connection: Connection, link: str, now_ms: int, life_s: float = SESSION_LIFE_S) -> str | None:
    """Uses a link up and gives the secret of a new session; None where the link is used, expired or none of ours."""
    used = connection.execute(
        update(Credential)
        .where(
            Credential.hash == _hash(link),
            Credential.what == "link",
            Credential.used_at.is_(None),
            Credential.ended_at.is_(None),
            Credential.expires_at > now_ms,
        )
        .values(used_at=now_ms, ended_at=now_ms)
        .returning(Credential.user_id)
    ).first()
    if used is None:
        return None
    if connection.scalar(select(User.id).where(User.id == used.user_id, User.ended_at.is_(None))) is None:
        return None
    return _issue(connection, "session", now_ms, user_id=used.user_id, expires_at=now_ms + round(life_s * 1000))


def sign_out(connection: Connection, session: str, now_ms: int) -> None:
    """Ends a session."""
    _end(connection, now_ms, Credential.hash == _hash(session), Credential.what == "session")


def end_sessions(connection: Connection, name: str, now_ms: int) -> int:
    """Ends every session of a user; gives how many."""
    of_user = select(User.id).where(User.name == name)
    return _end(connection, now_ms, Credential.user_id.in_(of_user), Credential.what == "session")


def person_by_session(connection: Connection, session: str, now_ms: int) -> Person | None:
    """Whose session this is; None when it has ended, expired or idled out."""
    idle_since = now_ms - SESSION_IDLE_S * 1000
    return _person(
        connection,
        Credential.hash == _hash(session),
        Credential.what == "session",
        Credential.expires_at > now_ms,
        or_(Credential.used_at > idle_since, (Credential.used_at.is_(None)) & (Credential.created_at > idle_since)),
    )


def person_by_token(connection: Connection, token: str, now_ms: int) -> Person | None:
    """Whose token this is; None when it is revoked, expired or none of ours."""
    return _person(
        connection,
        Credential.hash == _hash(token),
        Credential.what == "token",
        or_(Credential.expires_at.is_(None), Credential.expires_at > now_ms),
    )


def still_valid(connection: Connection, credential_id: int, now_ms: int) -> bool:
    """Whether a person who came in earlier (an open event stream) would still be let in."""
    found = _person(
        connection,
        Credential.id == credential_id,
        or_(Credential.expires_at.is_(None), Credential.expires_at > now_ms),
    )
    return found is not None


def needs_touch(connection: Connection, credential_id: int, now_ms: int) -> bool:
    """Whether `touch` is due: use is noted at most once a minute, so that reading rarely writes."""
    used_at = connection.scalar(select(Credential.used_at).where(Credential.id == credential_id))
    return used_at is None or used_at < now_ms - _TOUCH_EVERY_MS


def touch(connection: Connection, credential_id: int, now_ms: int) -> None:
    """Notes that a session or token is in use."""
    connection.execute(update(Credential).where(Credential.id == credential_id).values(used_at=now_ms))


def new_token(
    connection: Connection,
    name: str,
    role: Role,
    now_ms: int,
    *,
    townships: Iterable[str] = (),
    life_s: float | None = None,
) -> str:
    """The secret of an API token with a role of its own. Raises PeopleError."""
    if not _NAME.fullmatch(name):
        raise PeopleError(f"token name {name!r}: 1 to 64 characters, no slash, no blank at its beginning")
    if connection.scalar(select(Credential.id).where(_live("token"), Credential.name == name)) is not None:
        raise PeopleError(f"there is a token {name!r} already; revoke it first, or choose another name")
    return _issue(
        connection,
        "token",
        now_ms,
        role=Role(role).value,
        townships=_known_townships(connection, townships),
        name=name,
        expires_at=None if life_s is None else now_ms + round(life_s * 1000),
    )


def revoke(connection: Connection, name: str, now_ms: int) -> int:
    """Ends the API token of this name, or the MQTT password of the centre of this name; gives how many ended."""
    ended = _end(connection, now_ms, Credential.what == "token", Credential.name == name)
    return ended + _end(connection, now_ms, Credential.what == "mqtt", Credential.centre == name)


def new_mqtt_password(connection: Connection, path: str, now_ms: int) -> str:
    """A new MQTT password of a centre's (or feed's) agent; the one before ends. Raises PeopleError."""
    password = secrets.token_urlsafe(24)
    _set_mqtt_password(connection, path, password, now_ms)
    return password


def agent_known(connection: Connection, path: str, password: str) -> bool:
    """Whether this is the MQTT password of that centre's (or feed's) agent."""
    found = connection.scalar(select(Credential.hash).where(_live("mqtt"), Credential.centre == path))
    parts = (found or "").split("$")
    if len(parts) != 5:
        return False
    return secrets.compare_digest(mosquitto_hash(password, base64.b64decode(parts[3])), str(found))


def new_enrolment(connection: Connection, path: str, now_ms: int, life_s: float = ENROLMENT_LIFE_S) -> str:
    """A code by which a box becomes this centre's (or feed's) agent, once, within `life_s`; codes given before end.
    Twenty letters and digits, 100 random bits, written so that they can be read aloud. Raises PeopleError."""
    _refuse_unknown_path(connection, path)
    _end(connection, now_ms, Credential.what == "enrol", Credential.centre == path)
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_CHARS))
    row = {"what": "enrol", "hash": _hash(code), "centre": path, "created_at": now_ms, "townships": []}
    connection.execute(insert(Credential), {**row, "expires_at": now_ms + round(life_s * 1000)})
    return "-".join(code[start : start + 5] for start in range(0, _CODE_CHARS, 5))


def enrol(connection: Connection, code: str, password: str, now_ms: int) -> str | None:
    """Uses a code up: this password, which the box has made, is its agent's from now on. Gives the centre (or feed);
    None where the code is used, expired or none of ours. Who used it may ask again with the same password while the
    code lives, as its answer may have been lost. Raises PeopleError."""
    if not _PASSWORD.fullmatch(password):
        raise PeopleError("the password that the box makes has 32 to 128 characters of A-Z a-z 0-9 _ -")
    written = "".join(each for each in code.upper().translate(_MISREAD) if each.isalnum())
    if len(written) != _CODE_CHARS:
        return None
    fits = (Credential.what == "enrol", Credential.hash == _hash(written), Credential.expires_at > now_ms)
    used = connection.execute(
        update(Credential)
        .where(*fits, Credential.ended_at.is_(None))
        .values(used_at=now_ms, ended_at=now_ms)
        .returning(Credential.centre)
    ).first()
    if used is None:
        path = connection.scalar(select(Credential.centre).where(*fits, Credential.used_at.is_not(None)))
        return path if path is not None and agent_known(connection, path, password) else None
    _set_mqtt_password(connection, used.centre, password, now_ms)
    return str(used.centre)


def mqtt_passwords(connection: Connection) -> dict[str, str]:
    """By user name (the centre or feed), the hash as it stands in Mosquitto's password file."""
    rows = connection.execute(select(Credential.centre, Credential.hash).where(_live("mqtt")).order_by(Credential.id))
    return {row.centre: row.hash for row in rows}


def mosquitto_hash(password: str, salt: bytes | None = None) -> str:
    """`$7$rounds$salt$hash` (PBKDF2 with SHA-512), as mosquitto_passwd writes it since Mosquitto 2.0."""
    salt = salt or secrets.token_bytes(12)
    derived = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ROUNDS, 64)
    return f"$7${_MOSQUITTO_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"


def users(connection: Connection) -> list[dict[str, Any]]:
    """Everybody who may sign in."""
    rows = connection.execute(
        select(User.name, User.role, User.townships, User.language, User.created_at)
        .where(User.ended_at.is_(None))
        .order_by(User.name)
    )
    return [dict(row._mapping) for row in rows]


def _set_mqtt_password(connection: Connection, path: str, password: str, now_ms: int) -> None:
    _refuse_unknown_path(connection, path)
    _end(connection, now_ms, Credential.what == "mqtt", Credential.centre == path)
    connection.execute(
        insert(Credential),
        {"what": "mqtt", "hash": mosquitto_hash(password), "centre": path, "created_at": now_ms, "townships": []},
    )


def _refuse_unknown_path(connection: Connection, path: str) -> None:
    known = connection.scalar(select(Centre.centre).where(Centre.centre == path, Centre.retired_at.is_(None)))
    known = known or connection.scalar(select(Feed.feed).where(Feed.feed == path, Feed.retired_at.is_(None)))
    if known is None:
        raise PeopleError(f"there is no centre or feed {path!r} in the fleet")


def _person(connection: Connection, *conditions: Any) -> Person | None:
    row = connection.execute(
        select(
            Credential.id,
            Credential.what,
            Credential.name,
            Credential.role,
            Credential.townships,
            Credential.user_id,
            User.name.label("user_name"),
            User.role.label("user_role"),
            User.townships.label("user_townships"),
            User.language,
            User.ended_at,
        )
        .outerjoin(User, User.id == Credential.user_id)
        .where(Credential.ended_at.is_(None), *conditions)
    ).first()
    if row is None:
        return None
    if row.user_id is not None:
        if row.user_name is None or row.ended_at is not None:
            return None
        name, role, townships = row.user_name, row.user_role, row.user_townships
    else:
        name, role, townships = row.name, row.role, row.townships
    return Person(
        credential_id=row.id,
        name=name,
        role=Role(role),
        townships=frozenset(townships) if townships else None,
        language=row.language or "zh",
        user_id=row.user_id,
        by_session=row.what == "session",
    )


def _live(what: str) -> Any:
    return (Credential.what == what) & Credential.ended_at.is_(None)


def _issue(connection: Connection, what: str, now_ms: int, **columns: Any) -> str:
    secret = secrets.token_urlsafe(24)
    row = {"townships": [], **columns, "what": what, "hash": _hash(secret), "created_at": now_ms}
    connection.execute(insert(Credential), row)
    return secret


def _end(connection: Connection, now_ms: int, *conditions: Any) -> int:
    statement = update(Credential).where(Credential.ended_at.is_(None), *conditions).values(ended_at=now_ms)
    return connection.execute(statement).rowcount


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _known_townships(connection: Connection, townships: Iterable[str]) -> list[str]:
    wanted = sorted({each.strip() for each in townships if each.strip()})
    known = set(connection.scalars(select(Centre.township).where(Centre.township.in_(wanted)).distinct()))
    if missing := [each for each in wanted if each not in known]:
        raise PeopleError(f"no centre of the fleet lies in township {', '.join(missing)}; give the codes of townships")
    return wanted

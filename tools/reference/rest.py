"""The page about REST: every call with the role that it asks for, from the OpenAPI document and `api.access`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import create_engine
from starlette.routing import Mount

from api.access import GRANTS, Needs, Permission
from api.app import create_app
from api.document import document
from shouwang.kinds import Kinds
from shouwang.readings.store import ReadingStore
from shouwang.vocabulary import Role
from tools.reference.texts import LANGUAGES, Language, file_name, texts_of

WORDS_FILE = Path(__file__).with_name("rest.toml")
_ROLES = (Role.VIEWER, Role.TECHNICIAN, Role.DUTY_OFFICER, Role.ADMINISTRATOR)
_AREAS = (  # by how a path begins; the first that fits
    ("overview", ("/api/v1/summary", "/api/v1/counts", "/api/v1/house", "/api/v1/stream")),
    ("agents", ("/api/v1/upgrades", "/api/v1/centres/{centre}/enrol", "/api/v1/feeds", "/api/v1/asides")),
    ("places", ("/api/v1/centres", "/api/v1/devices")),
    ("incidents", ("/api/v1/incidents",)),
    ("history", ("/api/v1/availability", "/api/v1/timeline", "/api/v1/delays")),
    ("fleet_area", ("/api/v1/fleet",)),
    ("upkeep", ("/api/v1/maintenance", "/api/v1/notify")),
    ("machine", ("/",)),
)
_EXAMPLE = """\
<!-- not run: {not_run} -->
```sh
shouwang token create --role viewer > token
curl --silent --header "Authorization: Bearer $(cat token)" http://127.0.0.1:8420/api/v1/summary
curl --silent --header "Authorization: Bearer $(cat token)" "http://127.0.0.1:8420/api/v1/incidents?open=true"
```"""


@dataclass(frozen=True)
class Call:
    """`asks`: names of what stands behind `?`. `permission`: None where everybody may."""

    method: str
    path: str
    gives: str
    asks: tuple[str, ...]
    body: bool
    permission: Permission | None
    everywhere: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def area(self) -> str:
        return next(area for area, begins in _AREAS if self.path.startswith(begins))


def calls() -> list[Call]:
    """Every call of the document, in its order."""
    # Its shapes are asked for, never its data: nothing is opened.
    app = create_app(create_engine("sqlite://"), cast(ReadingStore, None), Kinds(), console=False)
    asked = _asked(app)
    found = []
    for path, operations in document(app)["paths"].items():
        for method, said in operations.items():
            needs = asked.get((method.upper(), path))
            found.append(
                Call(
                    method.upper(),
                    path,
                    _gives(said),
                    tuple(each["name"] for each in said.get("parameters", ()) if each["in"] == "query"),
                    "requestBody" in said,
                    needs.permission if needs else None,
                    needs.everywhere if needs else False,
                )
            )
    return found


def rendered() -> dict[str, str]:
    """The pages by their file name. Raises KeyError for a call that nobody described in Chinese."""
    found = calls()
    return {file_name("api", language): "\n\n".join(page(found, language)) + "\n" for language in LANGUAGES}


def page(found: list[Call], language: Language) -> Iterator[str]:
    """Its parts, one after the other."""
    texts = texts_of("api", language)
    chinese: dict[str, str] = tomllib.loads(WORDS_FILE.read_text("utf-8"))
    yield f"# {texts['title']}"
    yield texts["switch"]
    yield texts["intro"]
    yield f"## {texts['begin']}"
    yield texts["begin_text"]
    yield _EXAMPLE.format(not_run=texts["not_run"])
    yield texts["conventions"]
    yield f"## {texts['roles']}"
    yield _roles(texts)
    for area in (area for area, _ in _AREAS):
        rows = []
        for call in (call for call in found if call.area == area):
            if language == "zh" and call.name not in chinese:
                raise KeyError(f"{WORDS_FILE.name}: say what `{call.name}` gives")
            asks = [f"`{each}`" for each in call.asks] + ([texts["body"]] if call.body else [])
            gives = chinese[call.name] if language == "zh" else call.gives
            rows.append(f"| `{call.method}` `{call.path}` | {_role(call, texts)} | {gives} | {', '.join(asks)} |")
        if rows:
            yield f"## {texts[area]}"
            yield "\n".join([texts["calls"], "| --- | --- | --- | --- |", *rows])


def _roles(texts: dict[str, str]) -> str:
    head = texts["role_head"].format(roles=" | ".join(texts[role] for role in _ROLES))
    rows = [
        f"| {texts[permission]} | {' | '.join('✓' if permission in GRANTS[role] else '' for role in _ROLES)} |"
        for permission in Permission
    ]
    return "\n".join([head, "| --- " * (len(_ROLES) + 1) + "|", *rows])


def _role(call: Call, texts: dict[str, str]) -> str:
    if call.permission is None:
        return texts["anyone"]
    least = next(role for role in _ROLES if call.permission in GRANTS[role])
    return texts[least] + (f", {texts['everywhere']}" if call.everywhere else "")


def _gives(said: dict[str, Any]) -> str:
    text = f"{said.get('summary', '').rstrip('.')}. {said.get('description', '')}"
    return " ".join(text.split()).replace("|", "\\|")


def _asked(app: FastAPI) -> dict[tuple[str, str], Needs]:
    """By method and path, what a call needs; open ones are not there."""
    found: dict[tuple[str, str], Needs] = {}
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, Mount):
            for call in _dependencies(route.dependant):
                if isinstance(call, Needs):
                    found |= {(method, str(route.path)): call for method in route.methods or ()}
    return found


def _dependencies(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _dependencies(each)

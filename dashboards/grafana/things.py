"""What ought to stand in a Grafana, in the order in which it can be made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts import contact_points, policy, rule_group, template
from dashboards.alerts.contacts import TEMPLATE, WAYS
from dashboards.places import ALERTS, FOLDERS

SOURCES = Path(__file__).parent.parent / "provisioning" / "datasources" / "shouwang.yml"
"""The data sources as a Grafana of our own is given them; their variables are filled in here."""
_VARIABLE = re.compile(r"\$__file\{([^}]+)\}|\$(\w+)|\$\{(\w+)\}")


class Sort(StrEnum):
    """What can stand in a Grafana."""

    FOLDER = "folder"
    SOURCE = "data source"
    DASHBOARD = "dashboard"
    TEMPLATE = "template"
    CONTACT = "contact point"
    POLICY = "policy"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Thing:
    """One of them. `secrets`: texts in `body` that are never to be shown."""

    sort: Sort
    name: str
    body: Mapping[str, Any]
    secrets: frozenset[str] = frozenset()


def folders() -> Iterator[Thing]:
    """One a language, and that of the rules."""
    for folder in (*FOLDERS.values(), ALERTS):
        yield Thing(Sort.FOLDER, folder.uid, {"uid": folder.uid, "title": folder.title})


def sources(value_of: Callable[[str], str | None], org: str, bucket: str) -> Iterator[Thing]:
    """The data sources whose variables all have a value (of a file: by its path)."""
    for declared in yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]:
        filled, missing = _filled(declared, value_of)
        if missing:
            continue
        secrets = filled.pop("secureJsonData", {})
        options = filled["jsonData"]
        if "organization" in options:
            options |= {"organization": org, "defaultBucket": bucket}
        body = {name: filled[name] for name in ("uid", "name", "type", "access", "url")}
        body |= {"jsonData": options, "secrets": secrets}
        yield Thing(Sort.SOURCE, filled["uid"], body, frozenset(filter(None, secrets.values())))


def dashboards(files: Mapping[str, str]) -> Iterator[Thing]:
    """`files` as `dashboards.render.rendered` gives them: `en/….json` → text."""
    for name, text in sorted(files.items()):
        board = json.loads(text)
        folder = FOLDERS[name.partition("/")[0]]
        yield Thing(Sort.DASHBOARD, board["uid"], {"folderUid": folder.uid, "dashboard": board})


def telling(value_of: Callable[[str], str | None]) -> Iterator[Thing]:
    """Template, contact points and policy; nothing where the environment names nobody to tell."""
    points = contact_points(value_of)
    if not points:
        return
    yield Thing(Sort.TEMPLATE, TEMPLATE, {"template": template().strip()})
    secrets = frozenset(filter(None, (value_of(name) for _, variables, _ in WAYS for name in variables)))
    for point in points:
        yield Thing(Sort.CONTACT, point["uid"], point, secrets)
    yield Thing(Sort.POLICY, "product=shouwang", policy())


def rules() -> Iterator[Thing]:
    """The alert rules, all in one group."""
    group = rule_group()
    yield Thing(Sort.RULES, group["title"], group)


def _filled(value: Any, value_of: Callable[[str], str | None]) -> tuple[Any, set[str]]:
    """With its variables filled in, and the names of those that have no value."""
    missing: set[str] = set()

    def one(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        given = value_of(name)
        if not given:
            missing.add(name)
        return given or ""

    def deep(each: Any) -> Any:
        if isinstance(each, str):
            return _VARIABLE.sub(one, each)
        if isinstance(each, dict):
            return {key: deep(inner) for key, inner in each.items()}
        if isinstance(each, list):
            return [deep(inner) for inner in each]
        return each

    return deep(value), missing

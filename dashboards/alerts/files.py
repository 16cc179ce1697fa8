"""The same rules, contact point and policy as files that a Grafana of our own reads when it starts.

Usage: python -m dashboards.alerts.files [FOLDER]. Contact points of a file cannot depend on what the environment has,
and one without an address keeps Grafana from starting: so there is one way, a webhook, whose address must be set.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts.contacts import TEMPLATE, contact_points, policy, template
from dashboards.alerts.rules import DASHBOARD, PANEL, rule_group
from dashboards.places import ALERTS

FOLDER = Path(__file__).parent.parent / "provisioning" / "alerting"
OF_A_FILE = {
    "ALERT_WEBHOOK_URL": "$ALERT_WEBHOOK_URL",
    "ALERT_WEBHOOK_TOKEN": "$__file{/run/secrets/alert-webhook-token}",
}
"""What Grafana itself fills in."""
_OF_A_GROUP = ("ruleGroup", "folderUID", "orgID")
_HEAD = "# Made by `make generate` from dashboards/alerts: change it there.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they read, and every list indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def files() -> dict[str, str]:
    """Each file's text by its name."""
    return {
        name: _HEAD + yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        for name, body in _bodies()
    }


def write(folder: Path = FOLDER) -> None:
    """Writes them; takes away any other."""
    folder.mkdir(parents=True, exist_ok=True)
    made = files()
    for path in folder.glob("*.yml"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")


def _bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    group = rule_group()
    yield (
        "rules.yml",
        {
            "apiVersion": 1,
            "groups": [
                {
                    "orgId": 1,
                    "name": group["title"],
                    "folder": ALERTS.title,
                    "interval": f"{group['interval']}s",
                    "rules": [_rule(rule) for rule in group["rules"]],
                }
            ],
        },
    )
    points = contact_points(OF_A_FILE.get)
    yield (
        "contact-points.yml",
        {
            "apiVersion": 1,
            "contactPoints": [
                {
                    "orgId": 1,
                    "name": point["name"],
                    "receivers": [{key: value for key, value in point.items() if key != "name"}],
                }
                for point in points
            ],
        },
    )
    # A file of policies is the whole tree: what stands in it is for every alert of this Grafana.
    root = {key: value for key, value in policy().items() if key != "object_matchers"}
    yield "policies.yml", {"apiVersion": 1, "policies": [{"orgId": 1, **root}]}
    yield "templates.yml", {"apiVersion": 1, "templates": [{"orgId": 1, "name": TEMPLATE, "template": template()}]}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a file has it: what holds for its group stands there; in labels, which Grafana fills in from the
    environment, a dollar is doubled."""
    made = {key: value for key, value in rule.items() if key not in _OF_A_GROUP}
    made["labels"] = {name: value.replace("$", "$$") for name, value in rule["labels"].items()}
    made["annotations"] = dict(rule["annotations"])
    made["dashboardUid"] = made["annotations"].pop(DASHBOARD)
    made["panelId"] = int(made["annotations"].pop(PANEL))
    return made


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:2]))

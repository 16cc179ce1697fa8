"""Whom Grafana tells, as the environment says, and how it gathers what it tells: contact points, policy, template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dashboards.alerts.rules import MARK
from shouwang.vocabulary import Severity

USUAL = "shouwang"
URGENT = "shouwang-urgent"
"""For help calls: that one has gone quiet by itself is never told as if it were over."""

TEMPLATE = "shouwang"

# A setting of a contact point by the environment variable that holds it; the first of a kind makes the contact point.
# (kind as Grafana names it, {variable: setting}, what is the same for all)
WAYS: tuple[tuple[str, Mapping[str, str], Mapping[str, Any]], ...] = (
    (
        "webhook",
        {"ALERT_WEBHOOK_URL": "url", "ALERT_WEBHOOK_TOKEN": "authorization_credentials"},
        {"httpMethod": "POST"},
    ),
    ("wecom", {"ALERT_WECOM_URL": "url"}, {"msgtype": "markdown"}),
    ("dingding", {"ALERT_DINGTALK_URL": "url"}, {"msgType": "actionCard"}),
    ("email", {"ALERT_EMAIL": "addresses"}, {"singleEmail": True}),
)
TEXTS = {
    "webhook": ("title", "message"),
    "wecom": ("title", "message"),
    "dingding": ("title", "message"),
    "email": ("subject", "message"),
}


def contact_points(value_of: Callable[[str], str | None]) -> list[dict[str, Any]]:
    """As `POST …/contact-points` takes them: one way for each of `WAYS` that has an address, under both names.

    `value_of` gives the value of an environment variable, or nothing.
    """
    made = []
    for name in (USUAL, URGENT):
        for kind, variables, same in WAYS:
            address, *_ = variables
            if not value_of(address):
                continue
            settings: dict[str, Any] = {setting: value_of(variable) for variable, setting in variables.items()}
            settings = {setting: value for setting, value in settings.items() if value}
            title, message = TEXTS[kind]
            settings |= {
                **same,
                title: f'{{{{ template "{TEMPLATE}.title" . }}}}',
                message: f'{{{{ template "{TEMPLATE}.message" . }}}}',
            }
            made.append(
                {
                    "uid": f"{name}-{kind}",
                    "name": name,
                    "type": kind,
                    "settings": settings,
                    "disableResolveMessage": name == URGENT,
                }
            )
    return made


def policy() -> dict[str, Any]:
    """The branch of the policy tree that takes our alerts, and no others: by township and kind of trouble; a help call
    by itself, at once."""
    ours = [MARK[0], "=", MARK[1]]
    return {
        "receiver": USUAL,
        "object_matchers": [ours],
        "group_by": ["alertname", "township"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [
            {
                "receiver": URGENT,
                "object_matchers": [["severity", "=", Severity.EMERGENCY.value]],
                "group_by": ["alertname", "centre", "device"],
                "group_wait": "0s",
                "group_interval": "1m",
                "repeat_interval": "1h",
            }
        ],
    }


def template() -> str:
    """How a notification reads, as Grafana's template language has it."""
    state = '{{ if eq .Status "firing" }}告警 alert{{ else }}恢复 over{{ end }}'
    return (
        f'{{{{ define "{TEMPLATE}.title" -}}}}\n'
        f"[{state}] {{{{ .CommonLabels.alertname }}}} ({{{{ len .Alerts }}}})\n"
        "{{- end }}\n"
        f'{{{{ define "{TEMPLATE}.message" -}}}}\n'
        "{{ range .Alerts.Firing }}{{ .Annotations.summary }}\n"
        "{{ end }}{{ range .Alerts.Resolved }}恢复 over: {{ .Annotations.summary }}\n"
        "{{ end }}\n"
        "{{- end }}\n"
    )

"""Alert rules in Grafana, a second opinion: they judge by InfluxDB alone, so they hold when our collector does not."""

from dashboards.alerts.contacts import contact_points, policy, template
from dashboards.alerts.rules import RULES, rule_group

__all__ = ["RULES", "contact_points", "policy", "rule_group", "template"]

"""A Grafana that is there: what ought to stand in it, what does, and how the two differ."""

from dashboards.grafana.calling import Grafana
from dashboards.grafana.differing import Found, State
from dashboards.grafana.pushing import look, push
from dashboards.grafana.things import Sort, Thing

__all__ = ["Found", "Grafana", "Sort", "State", "Thing", "look", "push"]

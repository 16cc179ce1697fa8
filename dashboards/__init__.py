"""Grafana as code: dashboards, alert rules and their provisioning."""

import warnings

# The SDK would have new dashboards in a schema that Grafana 11 and 12 do not read.
warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)

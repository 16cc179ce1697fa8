"""Grafana as code: dashboards, alert rules and their provisioning."""

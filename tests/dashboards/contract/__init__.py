"""Grafana's HTTP contract, as far as push and pull use it: see README.md."""

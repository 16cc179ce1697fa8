"""Looks at the LANs that the agent may touch, and proposes for each device that it finds how to watch it."""

from edge.discovery.found import Found, Neighbourhood, Service
from edge.discovery.networks import Chosen, WrongNetworksError
from edge.discovery.proposing import Confidence, Proposal, named, propose
from edge.discovery.running import Look, Wanted, look, time_for

__all__ = [
    "Chosen",
    "Confidence",
    "Found",
    "Look",
    "Neighbourhood",
    "Proposal",
    "Service",
    "Wanted",
    "WrongNetworksError",
    "look",
    "named",
    "propose",
    "time_for",
]

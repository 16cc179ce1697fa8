"""Hears the agents and decides: intake → journal → watch → incidents → notify."""

"""A whole centre of devices on real sockets, each at an address of its own, for the agent as it is installed."""

"""A feed: an agent that speaks for devices of many centres, known to an operator's or a bank's platform."""

"""How an agent takes another bundle: fetched and verified, tried, confirmed by the collector's ack, or given up."""

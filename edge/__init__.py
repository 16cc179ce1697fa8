"""The agent at a centre: probes devices, keeps what is not yet stored at the collector, reports over MQTT."""

"""What was measured: InfluxDB, or the embedded store. One contract, `ReadingStore`."""

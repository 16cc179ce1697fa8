"""What it costs: `make bench`. Load over a real broker, its own share of the processor told apart."""

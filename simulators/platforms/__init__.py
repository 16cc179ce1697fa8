"""Platforms of operators and banks, on real sockets and files, as they are: they lag, repeat and go back in time."""

"""The collector's commands, a file for each kind of work; the front door names them as text."""

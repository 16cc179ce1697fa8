"""The agent as one file, and how it is installed on a box."""

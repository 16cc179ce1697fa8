"""The recorder: the journal's second reader, a process of its own, which brings readings to their store."""

from collector.recorder.recorder import Recorder, run_recorder

__all__ = ["Recorder", "run_recorder"]

"""The recorder: the journal's second reader, a process of its own, which brings readings to their store."""

from collector.recorder.recorder import Recorder, run_recorder
from collector.recorder.signs import Signs

__all__ = ["Recorder", "Signs", "run_recorder"]

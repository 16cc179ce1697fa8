"""Where a feed's words come from: fetched, sent to us, or put into a folder."""

from edge.feed.sources.making import make_source
from edge.feed.sources.source import NotToldError, Source

__all__ = ["NotToldError", "Source", "make_source"]

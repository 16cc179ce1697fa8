"""Everything running together, written as timelines: real broker, real collector, an agent played by hand."""

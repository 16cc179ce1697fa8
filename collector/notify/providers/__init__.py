"""Ways to tell people, one file each; the file's name is what stands in `[notify.<name>]`."""

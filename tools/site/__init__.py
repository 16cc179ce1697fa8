"""The site of docs: the pages of `docs/` in both languages, made with Zensical, for reading without any network.

python -m tools.site [FOLDER]          writes build/site (or FOLDER)
"""

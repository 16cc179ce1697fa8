"""The pages of reference, made from the code: every setting, every call of REST, every command.

python -m tools.reference          writes docs/settings*.md, docs/api*.md and docs/commands*.md
"""

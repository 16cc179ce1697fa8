"""`python -m shouwang COMMAND`: the front door, for processes that start one another."""

import sys

from shouwang.cli import main

sys.exit(main())

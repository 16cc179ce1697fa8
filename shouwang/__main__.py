"""`python -m shouwang` is `shouwang`."""

import sys

from shouwang.cli import main

if __name__ == "__main__":
    sys.exit(main())

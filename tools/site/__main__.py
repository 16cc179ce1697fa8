"""python -m tools.site [FOLDER]"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.site.build import BuildError, build
from tools.site.pages import ROOT, DanglingError


def main() -> int:
    """Makes the site; gives the exit code."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    try:
        build(out)
    except (BuildError, DanglingError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{out / 'index.html'}: open it in a browser; it needs no server and no network")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m shouwang` is `shouwang`."""

from shouwang.cli import main

if __name__ == "__main__":
    main()

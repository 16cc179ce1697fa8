#!/bin/sh
# Turns the dependency groups of pyproject.toml into requirements/*.txt: every version fixed, every file by its hash,
# for every platform. `make lock` keeps what is locked; `make lock UPGRADE=1` takes the newest.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

lock() { # GROUP
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --custom-compile-command "make lock" --group "pyproject.toml:$1" \
        --output-file "requirements/$1.txt" ${2:-} >/dev/null
}

# The widest first; the others begin as its copy, so that all agree on every version.
lock dev ${UPGRADE:+--upgrade}
for group in run pictures edge docs tracing; do
    cp requirements/dev.txt "requirements/$group.txt"
    lock "$group"
done

# Not among the others: each is installed into a folder of its own (tools/bootstrap.py and tests/servers/peers.py say why).
lock grafana ${UPGRADE:+--upgrade}
lock peers ${UPGRADE:+--upgrade}

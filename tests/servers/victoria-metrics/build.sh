#!/bin/bash
# Builds VictoriaMetrics, a store that speaks line protocol (Apache-2.0), without its web page. Usage: build.sh TARGET
set -euo pipefail
target=$(realpath -m "$1")
cd "$(dirname "$0")"
CGO_ENABLED=1 go build -mod=readonly -trimpath -ldflags "-s -w" -o "$target" \
  github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

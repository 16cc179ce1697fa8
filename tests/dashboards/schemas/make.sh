#!/bin/bash
# Makes grafana-11.json, -12.json and -13.json from Grafana's own types (@grafana/schema, Apache-2.0), and has tsc check our
# dashboards against the same types. Needs node and npm; only who takes up another Grafana runs it: what it makes is
# checked in, so that tests need neither.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for version in 11.6.16 12.4.11 13.2.3; do
    major=${version%%.*}; dir=$work/$major; mkdir "$dir"; cd "$dir"
    echo '{"private": true}' > package.json
    npm install --silent --no-audit --no-fund "@grafana/schema@$version" typescript@5.9.3 ts-json-schema-generator@2.4.0
    python3 "$here/checked.py" "$dir" "$here/../../../dashboards/json"
    npx ts-json-schema-generator --path panels.ts --type Checked --tsconfig tsconfig.json --no-type-check --expose none > schema.json
    python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1])), sort_keys=True, separators=(",", ":")))' \
        schema.json > "$here/grafana-$major.json"
    npx tsc --noEmit --project tsconfig.json
    echo "tsc finds nothing wrong with our dashboards for Grafana $version"
done

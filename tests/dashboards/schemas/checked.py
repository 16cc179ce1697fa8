"""For make.sh: the TypeScript that names the types to check against, and our dashboards as values of those types.

python3 checked.py DIR JSON     DIR has @grafana/schema installed, JSON our dashboards
"""

import json
import sys
from pathlib import Path
from typing import Any

PANELS = {
    "bargauge": "BarGauge",
    "stat": "Stat",
    "state-timeline": "StateTimeline",
    "table": "Table",
    "timeseries": "TimeSeries",
}
WITH_FIELD_CONFIG = ("state-timeline", "table", "timeseries")
NOT_TYPED = {"state-timeline": ("spanNulls", "insertNulls")}
"""What the panel reads and its own editor writes, though its type does not say so."""


def types_of(package: Path, panel: str, name: str) -> str:
    """Where a panel's types stand; 11 and later versions keep them in different places."""
    folder = panel.replace("-", "")
    for place in (
        f"dist/types/raw/composable/{folder}/panelcfg/x/types.gen",
        f"dist/esm/raw/composable/{folder}/panelcfg/x/{name}PanelCfg_types.gen",
    ):
        if (package / f"{place}.d.ts").exists():
            return f"./node_modules/@grafana/schema/{place}"
    raise SystemExit(f"no types of {panel} in {package}")


def main(directory: Path, boards: Path) -> None:
    package = directory / "node_modules" / "@grafana" / "schema"
    lines = ["import type { Dashboard, Panel, RowPanel } from '@grafana/schema';"]
    fields = ["dashboard: Dashboard;", "panel: Panel;", "row: RowPanel;"]
    for panel, name in PANELS.items():
        path = types_of(package, panel, name)
        lines.append(f"import type * as {name} from '{path}';")
        fields.append(f"'{panel}': {name}.Options;")
        if panel in WITH_FIELD_CONFIG:
            fields.append(f"'{panel} fields': {name}.FieldConfig;")
    lines.append("export interface Checked {\n  " + "\n  ".join(fields) + "\n}")
    (directory / "panels.ts").write_text("\n".join(lines) + "\n", "utf-8")
    # An enum of strings is, in JSON, one of its strings.
    value = [
        "import type { Checked } from './panels';",
        "type Plain<T> = T extends string ? `${T}`",
        "  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T)",
        "  : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;",
        "type Options<K extends keyof Checked> = Partial<Plain<Checked[K]>>;",
    ]
    number = 0
    for file in sorted(boards.glob("*/*.json")):
        for each in every(json.loads(file.read_text("utf-8"))["panels"]):
            if each["type"] not in PANELS:
                continue
            number += 1
            text = json.dumps(each["options"], ensure_ascii=False)
            value.append(f"export const o{number}: Options<'{each['type']}'> = {text};")
            custom = each["fieldConfig"]["defaults"].get("custom")
            if custom and each["type"] in WITH_FIELD_CONFIG:
                for name in NOT_TYPED.get(each["type"], ()):
                    custom.pop(name, None)
                text = json.dumps(custom, ensure_ascii=False)
                value.append(f"export const f{number}: Options<'{each['type']} fields'> = {text};")
    (directory / "boards.ts").write_text("\n".join(value) + "\n", "utf-8")
    options = {
        "strict": True,
        "skipLibCheck": True,
        "moduleResolution": "bundler",
        "module": "esnext",
        "target": "es2022",
        "types": [],
    }
    said = {"compilerOptions": options, "files": ["panels.ts", "boards.ts"]}
    (directory / "tsconfig.json").write_text(json.dumps(said), "utf-8")


def every(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for panel in panels for each in (panel, *panel.get("panels", ()))]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The pages about the doctor, made from what it can say.

python -m collector.doctor.pages          writes docs/doctor.md and docs/doctor.zh-CN.md
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from collector.doctor.finding import Entry, Grade, catalogue, labels

DOCS = Path(__file__).resolve().parents[2] / "docs"
_OTHER = {"en": "[中文](doctor.zh-CN.md)", "zh": "[English](doctor.md)"}
_TITLE = {"en": "What the doctor finds", "zh": "体检能发现什么"}
_INTRO = {
    "en": (
        "`shouwang doctor` says every setting with its source, and everything that is wrong, with its cure; its exit "
        "code is 1 when something is bad. `--language zh` speaks Chinese, `--json` gives a code for each. It looks, "
        "and changes nothing. Here is all that it can find amiss; words in braces are filled in. Each is planted by a "
        "test (`tests/doctor`).\n\n"
        "A broker of your own is looked at where its configuration stands on this machine: "
        "`/etc/mosquitto/mosquitto.conf`, or `--mosquitto-conf FILE`."
    ),
    "zh": (
        "`shouwang doctor` 列出每项设置及其来源，以及所有问题和解决办法；有错误时退出码为 1。"
        "`--language zh` 用中文，`--json` 给出每项的代码。它只查看，不做任何更改。"
        "下面是它能发现的全部问题，花括号中的内容按实际填写。每一项都有测试制造出来（`tests/doctor`）。\n\n"
        "使用自己的消息服务器时，只要它的配置在本机就会检查："
        "`/etc/mosquitto/mosquitto.conf`，或用 `--mosquitto-conf FILE` 指出。"
    ),
}
_HEAD = {"en": "| | it says | cure |\n| --- | --- | --- |", "zh": "| | 提示 | 办法 |\n| --- | --- | --- |"}
_GRADES = {"en": {Grade.BAD: "bad", Grade.WARNING: "warning"}, "zh": {Grade.BAD: "错误", Grade.WARNING: "注意"}}
_BARE = re.compile(r"\{said\}")


def page(language: str) -> str:
    """The whole page in Markdown; `language` is `en` or `zh`."""
    wrong = [entry for entry in catalogue().values() if entry.grade is not Grade.OK]
    parts = [f"# {_TITLE[language]}\n\n{_OTHER[language]}\n\n{_INTRO[language]}"]
    seen: dict[str, list[Entry]] = {}
    for what, entries in groupby(wrong, key=lambda entry: entry.what):
        seen.setdefault(what, []).extend(entries)
    for what, together in seen.items():
        title = labels()[what] if language == "zh" else what.replace("_", " ").capitalize()
        parts.append("\n".join([f"## {title}\n", _HEAD[language], *(_row(entry, language) for entry in together)]))
    return "\n\n".join(parts) + "\n"


def _row(entry: Entry, language: str) -> str:
    text, cure = entry.words(language)
    said = _BARE.sub("…", text).replace("{deed_zh}", "{deed}")
    return f"| {_GRADES[language][entry.grade]} | {_cell(said)} | {_cell(cure)} |"


def _cell(text: str) -> str:
    """Nothing in it is taken for HTML or for a cell's end."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def rendered() -> dict[str, str]:
    """File name → content, as checked in."""
    return {"doctor.md": page("en"), "doctor.zh-CN.md": page("zh")}


def main() -> None:
    for name, content in rendered().items():
        (DOCS / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main()

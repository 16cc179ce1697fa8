"""The pages about kinds, made from the kind files.

python -m shouwang.kinds.pages          writes docs/kinds.md and docs/kinds.zh-CN.md
"""

from __future__ import annotations

from pathlib import Path

from shouwang.kinds.declaration import Field, FieldType, Kind, Label, Rule, load

DOCS = Path(__file__).parent.parent.parent / "docs"

_WORDS = {
    "en": {
        "title": "Kinds of device",
        "intro": (
            "Made from the files in `shouwang/kinds/`; change those. A kind of your own is such a file in the folder "
            "`kinds/` of the state directory."
        ),
        "fields": "| field | unit | possible | label |",
        "rules": "| not ok when | becomes | notes |",
        "limits": (
            "report every {report} s · silent after {silent} s · "
            "down after {down} failed probes · told after {notify} s"
        ),
        "profile": "Profile",
        "severity": "severity of its loss",
        "counted": "only after so many readings in a row",
        "escalates": "{to} after {s} s",
        "own": "severity {severity}",
        "hours": "judged {from_}–{to} (Asia/Shanghai) only",
    },
    "zh": {
        "title": "设备类型",
        "intro": (
            "由 `shouwang/kinds/` 中的文件生成，请修改那些文件。"
            "自定义类型：在状态目录的 `kinds/` 文件夹中放一个同样的文件。"
        ),
        "fields": "| 字段 | 单位 | 取值范围 | 名称 |",
        "rules": "| 何时不正常 | 变为 | 说明 |",
        "limits": "每 {report} 秒上报 · {silent} 秒无消息即失联 · 连续 {down} 次检测失败即故障 · {notify} 秒后通知",
        "profile": "配置",
        "severity": "失去时的级别",
        "counted": "连续多次才成立",
        "escalates": "{s} 秒后升为 {to}",
        "own": "级别 {severity}",
        "hours": "仅在 {from_}–{to}（北京时间）判断",
    },
}


def page(kinds: dict[str, Kind], language: str) -> str:
    """The whole page in Markdown; `language` is `en` or `zh`."""
    words = _WORDS[language]
    parts = [f"# {words['title']}", words["intro"]]
    for name in sorted(kinds):
        parts += _kind(kinds[name], language)
    return "\n\n".join(parts) + "\n"


def _kind(kind: Kind, language: str) -> list[str]:
    words = _WORDS[language]
    facts = [f"{words['severity']}: {kind.severity}", f"net: {kind.net}", f"driver: {kind.driver}"]
    if kind.judged_hours:
        facts.append(words["hours"].format(from_=kind.judged_hours[0], to=kind.judged_hours[1]))
    parts = [f"## `{kind.name}` {_say(kind.label, language)}", " · ".join(facts), _limits(kind, None, language)]
    parts += [
        f"{words['profile']} `{name}` {_say(profile.label, language)}: {_limits(kind, name, language)}"
        for name, profile in kind.profiles.items()
    ]
    rows = [
        f"| `{name}` | {field.unit} | {_possible(field)} | {_say(field.label, language)} |"
        for name, field in kind.fields.items()
    ]
    parts.append("\n".join([words["fields"], "| --- | --- | --- | --- |", *rows]))
    rows = [f"| {_say(rule.reason, language)} | {rule.condition} | {_notes(rule, language)} |" for rule in kind.rules]
    parts.append("\n".join([words["rules"], "| --- | --- | --- |", *rows]))
    return parts


def _limits(kind: Kind, profile: str | None, language: str) -> str:
    limits = kind.limits_of(profile)
    return _WORDS[language]["limits"].format(
        report=f"{limits.report_every_s:g}",
        silent=f"{limits.silent_after_s:g}",
        down=limits.down_after_probes,
        notify=f"{limits.notify_after_s:g}",
    )


def _possible(field: Field) -> str:
    if field.type is FieldType.ENUM:
        return " ".join(f"`{value}`" for value in field.values)
    if field.type is FieldType.LIST:
        return ", ".join(f"`{name}`: {_possible(item)}" for name, item in field.items.items())
    low = "" if field.min is None else f"{field.min:g}"
    high = "" if field.max is None else f"{field.max:g}"
    return f"{field.type} {low}–{high}" if low or high else str(field.type)


def _notes(rule: Rule, language: str) -> str:
    words = _WORDS[language]
    notes = []
    if rule.counted:
        notes.append(words["counted"])
    if rule.severity:
        notes.append(words["own"].format(severity=rule.severity))
    if rule.escalate_to:
        notes.append(words["escalates"].format(to=rule.escalate_to, s=f"{rule.escalate_after_s:g}"))
    return "; ".join(notes)


def _say(label: Label, language: str) -> str:
    return label.zh if language == "zh" else label.en


def rendered(kinds: dict[str, Kind]) -> dict[str, str]:
    """File name → content, as checked in."""
    return {"kinds.md": page(kinds, "en"), "kinds.zh-CN.md": page(kinds, "zh")}


def main() -> None:
    for name, content in rendered(load()).items():
        (DOCS / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main()

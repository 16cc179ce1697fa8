"""The same words and colours on every dashboard: conditions, severities, thresholds, links; light and dark alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from shouwang.boards import CONDITION_CODES, SEVERITY_CODES, board_uid
from shouwang.called import CAUSE, EN, SEVERITY, ZH
from shouwang.kinds import Label

GREY = "#8e8e8e"
CONDITIONS = {  # colours by Grafana's names: each theme has its own shade of them
    "ok": ("ok", "正常", "green"),
    "maintenance": ("maintenance", "检修", "blue"),
    "degraded": ("degraded", "异常", "yellow"),
    "unknown": ("unknown", "状态未知", GREY),
    "silent": ("silent", "失联", "purple"),
    "down": ("down", "故障", "red"),
    "not_connected": ("not yet connected", "尚未接入", GREY),
}
PATH_STATES = {
    "online": ("online", "在线", "green"),
    "offline": ("offline", "离线", "red"),
    "not_connected": ("not yet connected", "尚未接入", GREY),
}
ROWS_MAX = 200
"""Of one figure a row; left to itself Grafana shows 25."""
SEVERITY_COLOURS = {"none": "green", "minor": "blue", "major": "yellow", "critical": "orange", "emergency": "red"}
NETS = {
    "internet": ("Internet", "互联网"),
    "social_service": ("Social service", "社会服务网"),
    "finance": ("Finance", "金融服务网"),
    "general_service": ("General service", "综合服务网"),
    "public_safety": ("Public safety", "社会治安网"),
}


@dataclass(frozen=True, slots=True)
class Tongue:
    """One of the two languages: `say("Open", "未关闭")` gives the one that is spoken."""

    code: str

    def say(self, en: str, zh: str) -> str:
        """The words in this language."""
        return zh if self.code == "zh" else en

    def of(self, label: Label) -> str:
        """A kind file's words in this language."""
        return label.zh if self.code == "zh" else label.en

    @property
    def nothing_heard(self) -> str:
        """What stands where a graph has no value."""
        return self.say("nothing heard", "无数据")


def mapped(words: Mapping[str, tuple[str, str]], tongue: Tongue, empty: str = "") -> list[model.ValueMapping]:
    """`words`: by value, the text and its colour."""
    options = {
        value: model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    nothing = model.ValueMappingResult(text=empty or tongue.nothing_heard, color=GREY, index=len(options))
    match = model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL, result=nothing)
    return [model.ValueMap(options=options), model.SpecialValueMap(options=match)]


def conditions(tongue: Tongue) -> list[model.ValueMapping]:
    """Conditions as words, and by their numbers."""
    said = {name: (tongue.say(en, zh), colour) for name, (en, zh, colour) in CONDITIONS.items()}
    return mapped({**said, **{str(code): said[name] for name, code in CONDITION_CODES.items()}}, tongue)


def path_states(tongue: Tongue) -> list[model.ValueMapping]:
    """Whether an agent is heard."""
    return mapped({name: (tongue.say(en, zh), colour) for name, (en, zh, colour) in PATH_STATES.items()}, tongue)


def severities(tongue: Tongue) -> list[model.ValueMapping]:
    """Severities as words, and by their numbers."""
    words = {"none": tongue.say("nothing open", "无事件")}
    words.update({name: both[ZH if tongue.code == "zh" else EN] for name, both in SEVERITY.items()})
    said = {name: (word, SEVERITY_COLOURS[name]) for name, word in words.items()}
    return mapped({**said, **{str(code): said[name] for name, code in SEVERITY_CODES.items()}}, tongue)


def causes(tongue: Tongue) -> list[model.ValueMapping]:
    """Why an incident is open; no colour of its own."""
    options = {
        name: model.ValueMappingResult(text=both[ZH if tongue.code == "zh" else EN], index=index)
        for index, (name, both) in enumerate(CAUSE.items())
    }
    return [model.ValueMap(options=options)]


def names(words: Mapping[str, str]) -> list[model.ValueMapping]:
    """Codes as words, without colour."""
    results = {
        code: model.ValueMappingResult(text=text, index=index) for index, (code, text) in enumerate(words.items())
    }
    return [model.ValueMap(options=results)]


def nets(tongue: Tongue) -> list[model.ValueMapping]:
    """The five nets 五张网."""
    return names({code: tongue.say(en, zh) for code, (en, zh) in NETS.items()})


def thresholds(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from values on; the first begins everywhere: `(None, "green"), (1, "red")`."""
    made = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(made)


def property_of(identity: str, value: object) -> model.DynamicConfigValue:
    """One property of an override."""
    return model.DynamicConfigValue(identity, value)


def link_to(
    title: str, board: str, tongue: Tongue, variables: Sequence[tuple[str, str]] = ()
) -> dashboard.DashboardLink:
    """A data link to another of our dashboards; the time goes along. `variables`: name, and the column whose value it
    takes, or `$name` for the variable of this dashboard."""
    parts = ["${__url_time_range}"]
    for name, source in variables:
        if source.startswith("$"):
            parts.append("${" + source[1:] + ":queryparam}")
        else:
            parts.append(f"var-{name}=" + "${__data.fields." + source + ":percentencode}")
    return dashboard.DashboardLink(title).url(f"/d/{board_uid(board, tongue.code)}?{'&'.join(parts)}")


def link_to_console(title: str, path: str) -> dashboard.DashboardLink:
    """A data link to the console; `console` is a hidden variable that REST answers."""
    return dashboard.DashboardLink(title).url("${console}" + path).target_blank(True)


def reduce_to_last(*, rows: bool = False, words: bool = False) -> common.ReduceDataOptions:
    """A single figure: the last one, or each row of a table. `words`: of any type, else numbers alone."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(rows)
    if rows:
        reduced = reduced.limit(ROWS_MAX)
    return reduced.fields("/.*/") if words else reduced


BACKGROUND = common_model.BigValueColorMode.BACKGROUND


def truths(words: Mapping[str, str], *, good: str = "") -> list[model.ValueMapping]:
    """`true` and `false` as words; `good` is the one that is as it should be, where one is."""
    colours = {True: "green", False: "red"}
    results = {
        value: model.ValueMappingResult(text=text, color=colours[value == good] if good else "text", index=index)
        for index, (value, text) in enumerate(words.items())
    }
    return [model.ValueMap(options=results)]

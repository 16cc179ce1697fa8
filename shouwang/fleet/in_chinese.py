"""What is wrong with a fleet file, in Chinese: each message of the checks, with its values where they stood.

The checks speak English, as logs and programs want it; a person at the console reads their own language. A message
that is not known here stands as it is; `tests/fleet/test_in_chinese.py` holds that the checks have none.
"""

from __future__ import annotations

import re
from functools import cache

_SAID = (
    ("{} bytes, at most {}: split it by region", "文件有 {} 字节，最多 {}：请按地区拆分"),
    ("unpacked it is over {} bytes: split it by region", "解压后超过 {} 字节：请按地区拆分"),
    ("this is the old .xls format: save it as .xlsx or as CSV", "这是旧的 .xls 格式：请另存为 .xlsx 或 CSV"),
    (
        "the text is neither UTF-8 nor GB18030: save it again as UTF-8",
        "文字既不是 UTF-8 也不是 GB18030：请另存为 UTF-8",
    ),
    ("the CSV is broken: {}", "CSV 已损坏：{}"),
    ("the file is empty: the first line names the columns", "文件是空的：第一行应是列名"),
    ("{} columns, at most {}", "有 {} 列，最多 {} 列"),
    (
        "the CSV is broken from here on ({}): look for a quotation mark that is not closed",
        "CSV 从此处起已损坏（{}）：请检查是否有没有闭合的引号",
    ),
    ("the XLSX cannot be read ({}): save it again, or as CSV", "XLSX 无法读取（{}）：请重新保存，或存为 CSV"),
    ("the first sheet is empty: its first row names the columns", "第一张工作表是空的：第一行应是列名"),
    (
        "its last cell stands in row {}, column {}: delete what stands far out",
        "最后一个单元格在第 {} 行第 {} 列：请删去远处的内容",
    ),
    ("the JSON is broken: {}", "JSON 已损坏：{}"),
    ('the JSON is not a list of devices, nor {"items": [ … ]}', 'JSON 不是设备列表，也不是 {"items": [ … ]}'),
    ("{} is not a device: each entry is an object", "{} 不是一台设备：每一项应是一个对象"),
    ("over {} different keys", "不同的键超过 {} 个"),
    ("no device in it: after the first line stands a row for each device", "其中没有设备：第一行之后每台设备一行"),
    (
        "{} is a centre, so it cannot be a feed: leave path empty for its agent",
        "{} 是服务中心，不能作数据源：由其采集代理负责时请把 path 留空",
    ),
    ("{} stands in a column without a name: name it, or empty it", "{} 所在的列没有列名：请补上列名，或清空该列"),
    ("empty, but needed", "不能为空"),
    (
        "{} stands already in {} {}: rename or remove one of them",
        "{0} 在第 {2} 行已经出现：请改名或删去其中之一",
    ),
    ("latitude and longitude go together: give both, or none", "纬度和经度须同时填写，或都不填"),
    (
        "{} {} has the same {} number {}: a call from it would be told of the wrong device; give each its own",
        "第 {1} 行有相同的 {2} 号码 {3}：它的呼叫会被当成别的设备；请各用各的号码",
    ),
    ("{} is no profile of {}; {}", "{1} 没有 {0} 这种规格；{2}"),
    (
        "it reports every {} s and would be silent after {} s, between two reports: "
        "let silent_after_s be at least twice report_every_s",
        "每 {} 秒上报一次，却在 {} 秒后即算失联，还不到下一次上报：silent_after_s 至少应为 report_every_s 的两倍",
    ),
    (
        "{}, but {} {} says {} of the same centre {}: let all its rows agree, or leave it empty in all but one",
        "这里是 {0}，而第 {2} 行说同一中心 {4} 是 {3}：请让各行一致，或只在一行填写",
    ),
    (
        "{} holds a line break or a control character: write it on one line",
        "{} 含有换行或控制字符：请写在一行内",
    ),
    ("{} is {} characters long, at most {}", "{} 有 {} 个字符，最多 {} 个"),
    (
        "{} was a code that a spreadsheet has turned into a number, and its last digits are lost: {}",
        "{} 原是编码，被电子表格变成了数字，末几位已丢失：请把该列设为“文本”格式后重新填写（如 150525100201）",
    ),
    (
        "{} is not 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit{}",
        "{} 应为 1 到 32 个 a-z、0-9 和 -，以字母或数字开头{}",
    ),
    ("{} is not 1 to 32 of a-z, 0-9 and -{}", "{} 应为 1 到 32 个 a-z、0-9 和 -{}"),
    (
        "{} is not a 12-digit village code or 1 to 32 of a-z, 0-9 and -{}",
        "{} 应为 12 位嘎查村代码，或 1 到 32 个 a-z、0-9 和 -{}",
    ),
    (
        "{} carries a user name or password before the @: passwords stand only in the {}",
        "{} 在 @ 之前带有用户名或密码：密码只能放在采集代理自己的文件里，设置中写 password=secret:名称",
    ),
    ("{} is not between -90 and 90 degrees{}", "{} 不在 -90 到 90 度之间{}"),
    ("{} is not between -180 and 180 degrees", "{} 不在 -180 到 180 度之间"),
    ("{} is not a number of seconds above 0 and at most {}", "{} 应为大于 0、不超过 {} 的秒数"),
    ("{} is not a number of seconds from 0 to {}", "{} 应为 0 到 {} 的秒数"),
    ("{} is not a day: write it as 2026-03-01", "{} 不是日期：请写成 2026-03-01"),
    ("{} is not a number", "{} 不是数字"),
    ("unknown column; {}", "未知的列；{}"),
    ("the column {} stands twice (first as {}): keep one", "{} 列出现两次（先前写作 {}）：请只留一个"),
    (
        "the needed column {} ({}) is missing: add it to the first line",
        "缺少必需的列 {}（{}）：请加到第一行",
    ),
    ("settings of {} bytes, at most {}", "设置有 {} 字节，最多 {}"),
    (
        "{} is no name of a setting: a-z, 0-9 and _, as in user=admin",
        "{} 不是设置的名称：只能用 a-z、0-9 和 _，如 user=admin",
    ),
    (
        "{} stands here in plain: passwords stand only in the agent's own file; write {}=secret:NAME",
        "{} 在此为明文：密码只能放在采集代理自己的文件里；请写 {}=secret:名称",
    ),
    ("settings are no JSON object: {}", "设置不是 JSON 对象：{}"),
    ("settings are no JSON object", "设置不是 JSON 对象"),
    (
        "{} is no setting: write NAME=VALUE, several with ; between, or a JSON object",
        "{} 不是设置：请写 名称=值，多个之间用 ; 分开，或写 JSON 对象",
    ),
    ("{} is not text or a number", "{} 不是文字或数字"),
    (
        "a column of your own is x_ and up to 62 characters without spaces",
        "自己的列名应为 x_ 加最多 62 个字符，不含空格",
    ),
    ("over {} rows: split it by region", "超过 {} 行：请按地区拆分"),
    ("the setting {} stands twice", "设置 {} 出现两次"),
    ("{} is no {}; {}", "{0} 不在可选范围内；{2}"),  # the widest comes last
)
_PARTS = (
    (
        "the nearest known one is {}. To keep a column of your own, name it {}",
        "最接近的已知列是 {}。要保留自己的列，请命名为 {}",
    ),
    ("to keep a column of your own, name it {}", "要保留自己的列，请命名为 {}"),
    ("the nearest is {}", "最接近的是 {}"),
    ("it is one of {}", "可选：{}"),
    ("it has none", "它没有规格"),
    ("it has {}", "它有 {}"),
    (": {} would do", "：可写 {}"),
    (" (latitude and longitude changed round?)", "（经纬度是否写反了？）"),
)


def in_chinese(message: str) -> str:
    """The message in Chinese; one that is not known stands as it is."""
    return _told(message, _SAID) or message


def _told(message: str, table: tuple[tuple[str, str], ...]) -> str:
    for pattern, (_, chinese) in zip(_patterns(table), table, strict=True):
        found = pattern.fullmatch(message)
        if found is not None:
            values = [(_told(value, _PARTS) or value) if table is _SAID else value for value in found.groups()]
            return chinese.format(*values) if values else chinese
    return ""


@cache
def _patterns(table: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(_pattern(english) for english, _ in table)


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(re.escape(part) for part in english.split("{}")), re.DOTALL)

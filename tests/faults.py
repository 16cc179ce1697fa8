"""The page about faults, with the tests that prove each row: a test names its row in a comment, `# fault 14`.

python -m tests.faults          writes docs/faults.md and docs/faults.zh-CN.md
"""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"
PAGE_IN_CHINESE = ROOT / "docs" / "faults.zh-CN.md"
_NOT_YET = {"en": "not yet", "zh": "尚未"}
_HEADS = {
    "en": (
        "# What goes wrong, and what to expect then",
        "",
        "[中文](faults.zh-CN.md)",
        "",
        "Each row that names a test is proved by it on every change. Rows without one are not proved yet.",
        "",
        "| # | fault | what happens | proved by |",
    ),
    "zh": (
        "# 会出什么问题，以及后果",
        "",
        "[English](faults.md)",
        "",
        "写有测试的行，每次改动都由该测试证明；没有测试的行尚未证明。",
        "",
        "| # | 故障 | 会怎样 | 由何证明 |",
    ),
}

ROWS = {
    1: ("kill -9 the agent at any line", "all readings arrive later, doubles counted once"),
    2: ("kill -9 the collector between journal, ledger, acknowledgement", "nothing lost, no second incident"),
    3: ("kill -9 between a provider's acceptance and our mark", "at most a double with the same identity"),
    4: ("a collector that crashes again and again", "deafness counted from the last good hearing"),
    5: ("the collector's host dead", "told from outside within 3 minutes"),
    6: ("watch hung, process alive", "restarted by the supervisor, which the watch's own tick feeds"),
    7: ("broker restart", "no false silence; presence asserted again"),
    8: ("broker loses retained messages and sessions", "noticed; configurations published again; agents keep theirs"),
    9: ("broker queue overflows", "gap seen, agents send again"),
    10: ("broker's disk full", "agents still have it"),
    11: ("delivered twice", "one reading, one event"),
    12: ("out of order; an old will after a new online", "the older boot or connection is ignored"),
    13: ("a backlog of days", "what is live first; history corrected; no alarm for the past"),
    14: ("half-open TCP", "seen within 1.5 × keepalive; no flap at take-over"),
    15: ("one-way loss", 'the agent says "not heard"; memory does not grow'),
    16: ("4G drops 5 s each minute", "no storm; shown as a degraded uplink"),
    17: ("DNS gone or slow", "last good address used; nothing blocks"),
    18: ("captive portal, wrong broker certificate", "refused, said plainly, tried again"),
    19: ("a certificate expires", "warned 30, 7 and 1 days ahead; renewed without losing the outbox"),
    20: ("clock at 1970 at boot", "clear message on TLS dates; liveness still right"),
    21: ("clock years ahead", "no immortal device; clock offset degraded"),
    22: ("±1 h, leap second, DST", "deadlines unmoved"),
    23: ("NTP steps the collector back", "no negative age, no doubled incident"),
    24: ("host suspended for 2 h", "deaf, not mass silence"),
    25: ("InfluxDB slow or 503", "charts lag; the watch does not notice; journal bounded, its limit said aloud"),
    26: ("422 field type conflict", "bad points aside with the reason; the rest not resent for ever"),
    27: ("InfluxDB token revoked, bucket gone", "one clear incident"),
    28: ("disk of journal or ledger full", '"cannot record" told by another route; nothing acknowledged'),
    29: ("SQLite locked (backup, migration)", "bounded wait, then again"),
    30: ("outbox corrupt", "kept aside, fresh start, counted; the agent does not loop"),
    31: ("torn configuration file", "the previous one is used"),
    32: ("card turned read-only", "live readings still sent; site degraded"),
    33: ("PostgreSQL fails over, deadlocks", "transaction again, effect once"),
    34: ("malformed JSON, NaN, 10^400, NUL, deep nesting", "aside, counted, the process lives"),
    35: ("50 MB payload", "refused by broker and collector"),
    36: ("one centre floods", "throttled and named; the others are on time"),
    37: ("a stolen identity", "refused by ACL; said"),
    38: ("two agents, one identity", "one incident that says so, no ping-pong"),
    39: ("a cloned agent image", "seen by boot id"),
    40: ("provider says 200 with an error inside, 429, 5xx, or hangs", "failure, backoff, next way"),
    41: ("every provider down", "wall screen and sound; owed until sent"),
    42: ("381 centres lost at once", "one incident, few messages"),
    43: ("a centre's switch dies, 50 devices down, agent alive", "one cause; terminals counted"),
    44: ("newer or older agent, unknown kind", "kept aside, shown"),
    45: ("restored from yesterday's backup", "no alarm again for what was told; agents send what is missing"),
    46: ("upgrade or migration killed midway", "restart completes it or rolls back"),
    47: ("slow browsers, 200 listening pages", "bounded for each"),
    48: ("notification loop, flapping device", "quietened; condition never hidden"),
}

CHINESE = {
    1: ("在任意一行 kill -9 代理", "所有读数稍后到达，重复的只算一次"),
    2: ("在日志、账本、确认之间 kill -9 采集器", "不丢失，没有第二个事件"),
    3: ("在渠道接受与我们记下之间 kill -9", "至多重复一次，标识相同"),
    4: ("采集器反复崩溃", "从最后一次听得清算起的失聪时间"),
    5: ("采集器所在机器死机", "3 分钟内由外部告知"),
    6: ("值守卡住，进程还在", "由监督者重启，靠值守自己的节拍得知"),
    7: ("消息代理重启", "没有误报失联；重新声明在线"),
    8: ("消息代理丢失保留消息和会话", "能发觉；重新下发配置；代理保留自己的"),
    9: ("消息代理队列溢出", "发现缺口，代理重发"),
    10: ("消息代理磁盘满", "代理仍然持有"),
    11: ("送达两次", "一条读数，一个事件"),
    12: ("顺序颠倒；新的在线之后到达旧遗嘱", "较早的启动或连接被忽略"),
    13: ("积压数天", "先处理最新的；更正历史；不为过去报警"),
    14: ("半开的 TCP 连接", "在 1.5 倍保活时间内发觉；接管时不抖动"),
    15: ("单向丢包", "代理说“没有被听到”；内存不增长"),
    16: ("4G 每分钟断 5 秒", "没有报警风暴；显示为上行不良"),
    17: ("DNS 不可用或很慢", "用上次可用的地址；什么都不阻塞"),
    18: ("强制门户、消息代理证书不对", "拒绝，说明原因，再试"),
    19: ("证书到期", "提前 30、7、1 天提醒；更换时发件箱不丢"),
    20: ("启动时时钟在 1970 年", "对 TLS 日期有明确提示；存活判断仍然正确"),
    21: ("时钟快了几年", "没有永不失联的设备；时钟偏差为异常"),
    22: ("±1 小时、闰秒、夏令时", "时限不变"),
    23: ("NTP 把采集器时钟调回", "没有负的年龄，没有重复的事件"),
    24: ("主机挂起 2 小时", "是失聪，不是集体失联"),
    25: ("InfluxDB 很慢或 503", "图表滞后；值守不受影响；日志有上限，到上限会说明"),
    26: ("422 字段类型冲突", "坏点连同原因搁置；其余不会无休止重发"),
    27: ("InfluxDB 令牌被撤销、桶不见了", "一个明确的事件"),
    28: ("日志或账本磁盘满", "“无法记录”由另一条路告知；什么都不确认"),
    29: ("SQLite 被锁（备份、迁移）", "有限等待后再试"),
    30: ("发件箱损坏", "旁置保存，重新开始，计数；代理不会循环崩溃"),
    31: ("配置文件写了一半", "用前一份"),
    32: ("存储卡变为只读", "最新读数仍然发出；站点为异常"),
    33: ("PostgreSQL 切换、死锁", "事务重做，效果一次"),
    34: ("错误的 JSON、NaN、10^400、NUL、过深嵌套", "搁置、计数，进程继续"),
    35: ("50 MB 的载荷", "消息代理和采集器都拒绝"),
    36: ("一个中心泛滥", "限流并指名；其他中心准时"),
    37: ("身份被盗用", "ACL 拒绝，并说明"),
    38: ("两个代理同一身份", "一个说明此事的事件，不来回抢占"),
    39: ("克隆的代理镜像", "由启动标识发觉"),
    40: ("渠道返回 200 但内含错误、429、5xx 或卡住", "算失败，退避，换下一个渠道"),
    41: ("所有渠道都不通", "大屏和声音；一直欠着直到发出"),
    42: ("381 个中心同时失去", "一个事件，很少的消息"),
    43: ("中心交换机坏，50 台设备故障，代理还在", "一个原因；统计终端数"),
    44: ("较新或较旧的代理、未知类型", "搁置并显示"),
    45: ("从昨天的备份恢复", "通知过的不再通知；代理补发缺少的"),
    46: ("升级或迁移中途被杀", "重启后完成或退回"),
    47: ("慢浏览器、200 个监听页面", "每个都有上限"),
    48: ("通知循环、时好时坏的设备", "平息；状态从不隐藏"),
}


def proofs() -> dict[int, list[str]]:
    """By fault: `file::test` of what names it."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name == Path(__file__).name:
            continue
        test = ""
        for line in path.read_text("utf-8").splitlines():
            if named := re.match(r"\s*(?:async )?(?:def|class) (\w+)", line):
                test = named[1]
            for numbers in re.findall(r"# faults? ([\d, –-]+)", line):
                where = f"{path.relative_to(ROOT)}" + (f"::{test}" if test.startswith(("test", "Test")) else "")
                for number in map(int, re.findall(r"\d+", numbers)):
                    if where not in found[number]:
                        found[number].append(where)
    return found


def page(language: str = "en") -> str:
    """The page in Markdown; `language` is `en` or `zh`."""
    proved = proofs()
    rows = ROWS if language == "en" else CHINESE
    lines = [*_HEADS[language], "| --- | --- | --- | --- |"]
    for number, (fault, expected) in rows.items():
        tests = "<br>".join(f"`{where}`" for where in proved.get(number, ())) or _NOT_YET[language]
        lines.append(f"| {number} | {fault} | {expected} | {tests} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    PAGE_IN_CHINESE.write_text(page("zh"), "utf-8")

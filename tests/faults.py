"""The page about faults, with the tests that prove each row: a test names its row in a comment, `# fault 14`.

python -m tests.faults          writes docs/faults.md
"""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"

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


def page() -> str:
    """The page in Markdown."""
    proved = proofs()
    lines = [
        "# What goes wrong, and what to expect then",
        "",
        "Each row that names a test is proved by it on every change. Rows without one are not proved yet.",
        "",
        "| # | fault | what happens | proved by |",
        "| --- | --- | --- | --- |",
    ]
    for number, (fault, expected) in ROWS.items():
        tests = "<br>".join(f"`{where}`" for where in proved.get(number, ())) or "not yet"
        lines.append(f"| {number} | {fault} | {expected} | {tests} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

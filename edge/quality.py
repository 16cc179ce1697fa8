"""What a driver keeps, and the test that shows it: `quality.toml` in the driver's folder, and the page made from all.

python -m edge.quality                 writes docs/drivers.md and docs/drivers.zh-CN.md
"""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import msgspec

from edge.hearing import load_listener
from edge.probing import drivers, find_probe
from shouwang.kinds import load

PROBES = Path(__file__).parent / "probes"
DOCS = Path(__file__).parent.parent / "docs"


class Quality(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Each names a test (`path::name` under tests/); empty where it does not apply. `peers`: independent programs that
    the driver was proved against, as `program: test`."""

    setup_errors_told_apart: str = ""
    bounded_in_time: str = ""
    many_at_once: str = ""
    secrets_never_shown: str = ""
    any_bytes: str = ""
    peers: list[str] = []

    def tests(self) -> list[str]:
        """Every test that is named."""
        named = [getattr(self, name) for name in CLAIMS]
        return [test for test in (*named, *(peer.rpartition(": ")[2] for peer in self.peers)) if test]


CLAIMS = {
    "setup_errors_told_apart": ("设置错误分得清", "setup errors told apart"),
    "bounded_in_time": ("时间有界", "bounded in time"),
    "many_at_once": ("可同时很多", "many at once"),
    "secrets_never_shown": ("密码不外露", "secrets never shown"),
    "any_bytes": ("任何字节都不怕", "any bytes"),
}
_WORDS = {
    "en": {
        "title": "Drivers",
        "intro": (
            "Made from the folders in `edge/probes/`; change those. Each folder's README says how the driver is set "
            "and what its failures mean; its sample is what a test runs. A driver *asks* devices, *hears* what they "
            "say of their own accord, or both. A driver of your own: [write-a-driver.md](write-a-driver.md)."
        ),
        "head": "| driver | what it tells | asks | hears | usual for | proved against |",
        "kept": "What each keeps, and the test that shows it",
        "yes": "yes",
    },
    "zh": {
        "title": "驱动",
        "intro": (
            "由 `edge/probes/` 各文件夹生成，请修改那些文件。每个文件夹的 README 说明如何设置、各种故障的含义；"
            "其中的示例就是测试所用的。驱动可以*询问*设备，可以*收听*设备自己发来的消息，也可以两者兼有。"
            "自己写驱动见 [write-a-driver.zh-CN.md](write-a-driver.zh-CN.md)。"
        ),
        "head": "| 驱动 | 说明 | 询问 | 收听 | 常用于 | 对照验证 |",
        "kept": "各驱动保证的事项，及证明它的测试",
        "yes": "是",
    },
}


def quality_of(driver: str) -> Quality:
    """Raises msgspec.ValidationError for a wrong key, FileNotFoundError where there is none."""
    return msgspec.convert(tomllib.loads((PROBES / driver / "quality.toml").read_text("utf-8")), Quality)


def page(language: str) -> str:
    """The page in Markdown; `language` is `en` or `zh`."""
    words, at = _WORDS[language], 0 if language == "zh" else 1
    usual: dict[str, list[str]] = {}
    for kind in load().values():
        usual.setdefault(str(kind.driver), []).append(kind.label.zh if language == "zh" else kind.label.en.lower())
    lines = [f"# {words['title']}", "", words["intro"], "", words["head"], "| --- | --- | --- | --- | --- | --- |"]
    names = drivers()
    for name in names:
        asked, heard = (words["yes"] if each else "" for each in (find_probe(name), load_listener(name)))
        peers = ", ".join(dict.fromkeys(peer.rpartition(": ")[0] for peer in quality_of(name).peers))
        told = _told(name, language).replace("|", "\\|")
        link = f"[`{name}`](../edge/probes/{name}/README.md)"
        lines.append(f"| {link} | {told} | {asked} | {heard} | {', '.join(usual.get(name, []))} | {peers} |")
    heads = [claim[at] for claim in CLAIMS.values()]
    lines += ["", f"## {words['kept']}", "", f"| | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for name in names:
        kept = quality_of(name)
        lines.append(f"| `{name}` | {' | '.join(_link(getattr(kept, claim)) for claim in CLAIMS)} |")
    return "\n".join(lines) + "\n"


def _told(driver: str, language: str) -> str:
    if language == "zh":
        text = (PROBES / driver / "README.md").read_text("utf-8").partition("## 中文\n")[2].strip()
        return text.split("。", 1)[0].replace("\n", "") + "。"
    return (importlib.import_module(f"edge.probes.{driver}").__doc__ or "").strip().split("\n", 1)[0]


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{path})" if test else "–"


if __name__ == "__main__":
    (DOCS / "drivers.md").write_text(page("en"), "utf-8")
    (DOCS / "drivers.zh-CN.md").write_text(page("zh"), "utf-8")

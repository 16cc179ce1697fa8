"""Which files become pages of the site, and how a link from one to another is written there."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from tools.site.chapters import Language

ROOT = Path(__file__).resolve().parents[2]
ZH = ".zh-CN.md"
_SWITCH = re.compile(r"^\[(?:中文|English)\]\([^)\s]+\)\n\n?", re.MULTILINE)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*$", re.MULTILINE | re.DOTALL)
_ONLY_ENGLISH = '!!! note ""\n    本页只有英文。\n\n'
_DIRECTIVE = re.compile(r"^<!-- (?:run|not run|plug|unplug): [^\n]*-->\n", re.MULTILINE)


class DanglingError(ValueError):
    """A link to nothing; the message names the file and the link."""


@dataclass
class Pages:
    """`pages`: by its name in the site (`agent`, `drivers/sip`), the file in the repository, in one language."""

    language: Language
    root: Path = ROOT
    pages: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        docs = self.root / "docs"
        for path in sorted(docs.glob("*.md")):
            name = path.name.removesuffix(ZH) if path.name.endswith(ZH) else path.stem
            if path.name.endswith(ZH) == (self.language == "zh") or not path.with_name(name + ZH).exists():
                self.pages[name] = path
        for path in sorted((self.root / "edge" / "probes").glob("*/README.md")):
            self.pages[f"drivers/{path.parent.name}"] = path
        for path in sorted((self.root / "edge" / "feed" / "samples").glob("README.md")):
            self.pages["feeds/samples"] = path
        self.pages["changelog"] = self.root / "CHANGELOG.md"
        self.pages["contributing"] = self.root / "CONTRIBUTING.md"

    def only_english(self, name: str) -> bool:
        """Whether a page stands in the Chinese site in English, for want of another."""
        path = self.pages[name]
        return self.language == "zh" and not path.name.endswith(ZH) and "## 中文" not in path.read_text("utf-8")

    def text(self, name: str) -> str:
        """The page as the site's maker reads it: its links lead within the site. Raises DanglingError."""
        path = self.pages[name]
        said = _DIRECTIVE.sub("", _SWITCH.sub("", path.read_text("utf-8"), count=1))
        pieces, at = [], 0
        for fence in _FENCE.finditer(said):  # what stands in a fence is no link
            pieces += [self._linked(said[at : fence.start()], name, path), fence.group()]
            at = fence.end()
        said = "".join(pieces) + self._linked(said[at:], name, path)
        if self.only_english(name):
            head, _, rest = said.partition("\n\n")
            said = f"{head}\n\n{_ONLY_ENGLISH}{rest}"
        return said

    def _linked(self, text: str, name: str, path: Path) -> str:
        return _LINK.sub(lambda link: self._link(link, name, path), text)

    def _link(self, link: re.Match[str], name: str, path: Path) -> str:
        target, _, part = link["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        file = (path.parent / target).resolve()
        part = part and f"#{part}"
        here = posixpath.dirname(name)
        if (there := self._name_of(file)) is not None:
            if self.pages.get(there, path).name.endswith(ZH) != path.name.endswith(ZH):
                part = ""  # headings have other names in the other language
            return f"{link['image']}[{link['text']}]({posixpath.relpath(f'{there}.md', here or '.')}{part})"
        if file.is_file() and file.is_relative_to(self.root / "docs"):  # a picture, a schema
            within = posixpath.relpath(str(file.relative_to(self.root / "docs")), here or ".")
            return f"{link['image']}[{link['text']}]({within})"
        if file.exists() and file.is_relative_to(self.root):  # what stands in the checkout alone is named, not linked
            return f'<span title="{file.relative_to(self.root)}">{link["text"]}</span>'
        raise DanglingError(f"{path.relative_to(self.root)}: {link[0]} leads nowhere")

    def _name_of(self, file: Path) -> str | None:
        if file in (self.root / "README.md", self.root / "README.zh-CN.md"):
            return "index"
        if file == self.root / "docs" / "schemas":
            return "messages"
        other = {path: name for name, path in self.pages.items()}
        if file in other:
            return other[file]
        name = file.name.removesuffix(ZH) if file.name.endswith(ZH) else file.stem
        return name if file.parent == self.root / "docs" and file.exists() and name in self.pages else None

"""Makes the site: the pages of each language laid out for Zensical, built strictly, and a first page that chooses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.site.chapters import Language, placed
from tools.site.pages import ROOT, Pages

HERE = Path(__file__).parent
NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}
TITLES: dict[Language, str] = {"zh": "守望", "en": "Shouwang"}
LANGUAGE_TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
_SCHEMES = (("(prefers-color-scheme: light)", "default", "sun"), ("(prefers-color-scheme: dark)", "slate", "moon"))
_SWITCHES: dict[Language, dict[str, str]] = {
    "zh": {"default": "换成深色", "slate": "换成浅色"},
    "en": {"default": "To dark", "slate": "To light"},
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FEATURES = (
    "content.code.copy",
    "navigation.footer",
    "navigation.indexes",
    "navigation.sections",
    "navigation.top",
    "search.highlight",
    "toc.follow",
)
_FIRST_PAGE = """\
<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>守望 Shouwang</title>
<style>body{font:1.25rem/2 system-ui,sans-serif;color-scheme:light dark;text-align:center;padding-top:20vh}</style>
<p><a href="zh/index.html" lang="zh-CN">守望文档</a></p>
<p><a href="en/index.html" lang="en">Shouwang documentation</a></p>
<script>location.replace((navigator.language.startsWith("zh") ? "zh" : "en") + "/index.html")</script>
</html>
"""


class BuildError(RuntimeError):
    """The site's maker refused; its words are the message."""


def build(out: Path, *, root: Path = ROOT, work: Path | None = None) -> None:
    """Writes the whole site into `out`, anew. Raises BuildError, DanglingError."""
    work = work or root / "build" / "site-pages"
    for folder in (out, work):
        shutil.rmtree(folder, ignore_errors=True)
    for language in NAMES:
        lay_out(Pages(language, root), work / language)
        _run(language, work / language, out / language)
    (out / "index.html").write_text(_FIRST_PAGE, "utf-8")


def lay_out(pages: Pages, folder: Path) -> None:
    """Zensical's folder of one language: `pages/`, `theme/` and `zensical.toml`."""
    sources = folder / "pages"
    for name in pages.pages:
        path = sources / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages.text(name), "utf-8")
    for kept in ("images", "schemas"):
        shutil.copytree(pages.root / "docs" / kept, sources / kept)
    shutil.copytree(HERE / "assets", sources / "assets")
    shutil.copytree(HERE / "theme", folder / "theme")
    (folder / "zensical.toml").write_text(configuration(pages), "utf-8")


def configuration(pages: Pages) -> str:
    """`zensical.toml` of one language."""
    language = pages.language
    nav: list[object] = ["index.md"]
    for chapter, names in placed(pages.pages):
        listed: list[object] = []
        for name in names:
            inner = sorted(each for each in pages.pages if each.startswith(f"{name}/"))
            page = f"{name}.md"
            listed.append({_title(pages, name): [page, *(f"{each}.md" for each in inner)]} if inner else page)
        nav.append({chapter.title[language]: listed})
    languages = [
        {"name": NAMES[each], "lang": LANGUAGE_TAGS[each], "folder": each, "here": each == language} for each in NAMES
    ]
    palette = [
        {
            "media": media,
            "scheme": scheme,
            "primary": "teal",
            "accent": "teal",
            "toggle": {"icon": f"lucide/{icon}", "name": _SWITCHES[language][scheme]},
        }
        for media, scheme, icon in _SCHEMES
    ]
    project = {
        "site_name": TITLES[language],
        "docs_dir": "pages",
        "site_dir": "site",
        "use_directory_urls": False,
        "copyright": "Apache-2.0",
        "nav": nav,
        "extra_css": ["assets/site.css"],
        "extra": {
            "generator": False,
            "alternate": True,  # theme/partials/alternate.html, from `languages`
            "languages": languages,
            # A page that is read from the disk may start no worker of its own: this stands in for one.
            "polyfills": [
                {"path": "assets/iframe-worker.js", "type": "text/javascript", "async": False, "defer": False}
            ],
        },
        "theme": {
            "language": language,
            "custom_dir": "theme",
            "font": False,
            "logo": "assets/icon.svg",
            "favicon": "assets/icon.svg",
            "features": list(_FEATURES),
            "palette": palette,
        },
        "plugins": {"search": {}, "offline": {}},
        "markdown_extensions": {
            "admonition": {},
            "attr_list": {},
            "tables": {},
            "toc": {
                "permalink": True,
                "slugify": {"object": "pymdownx.slugs.slugify", "kwds": {"case": "lower"}},
            },
            "pymdownx": {
                "betterem": {},
                "highlight": {"pygments_lang_class": True},
                "superfences": {},
                "inlinehilite": {},
            },
        },
    }
    return f"project = {_toml(project)}\n"


def _title(pages: Pages, name: str) -> str:
    return pages.text(name).partition("\n")[0].removeprefix("# ").strip()


def _toml(value: object) -> str:
    """A value on one line: TOML's strings, numbers and booleans are JSON's."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _run(language: Language, folder: Path, out: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = _COLOURS.sub("", done.stdout + done.stderr).partition("Traceback")[0]
        raise BuildError(f"{language}:\n{said.strip()}")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / "site", out)

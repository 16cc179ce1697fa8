"""What is vendored is what its table says, and nothing of ours reaches for another host."""

import hashlib
import re
from pathlib import Path

from api.console.static_files import FOLDER, static_files

ROW = re.compile(
    r"^\| `(vendor/[^`]+)` \| `([^`]+)` \| ([0-9.]+) \| `[^`]+` \| [^|]*`(vendor/[^`]+)`[^|]*\| `([0-9a-f]{64})` \|$"
)


def test_the_table_of_vendored_files_holds() -> None:
    rows = [found for line in (FOLDER / "VENDORED.md").read_text("utf-8").splitlines() if (found := ROW.match(line))]
    listed = {}
    for row in rows:
        path, _package, _version, licence, digest = row.groups()
        assert hashlib.sha256((FOLDER / path).read_bytes()).hexdigest() == digest, path
        assert (FOLDER / licence).is_file()
        listed[path] = licence
    present = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "vendor").iterdir()}
    assert present == set(listed) | set(listed.values())


def test_only_scripts_styles_and_pictures_are_served() -> None:
    assert {Path(name).suffix for name in static_files()} == {".css", ".js", ".svg"}
    assert "VENDORED.md" not in static_files()


def test_no_script_style_or_template_of_ours_names_another_host() -> None:
    ours = [path for path in FOLDER.iterdir() if path.suffix in (".css", ".js")]
    ours += (FOLDER.parent / "console").rglob("*.html")
    named = [
        path.name for path in ours if re.search(r"(src|href|url|import)[=( ]*[\"']?(https?:)?//", path.read_text())
    ]
    assert named == []


def test_no_template_holds_an_inline_script_style_or_handler() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|hx-vals=.js", re.IGNORECASE
    )
    found = [p.name for p in (FOLDER.parent / "console").rglob("*.html") if inline.search(p.read_text("utf-8"))]
    assert found == []

"""Every command that the pages show: the real command line knows it, and it is run, or says why it is not."""

import re
from pathlib import Path

import pytest

from tests.docs.commands import PAGES, Block, blocks, commands, complaint, fences, inline, read
from tools.site.pages import ROOT, ZH

NAMED = [str(page.relative_to(ROOT)) for page in PAGES]
A_COMMAND = re.compile(
    r"^(?:\$ )?(?:sudo )?(?:shouwang|docker|make|apt-get|systemctl|python3?|curl|git|openssl|cp|scp|ssh|install)\b.*",
    re.MULTILINE,
)


@pytest.mark.parametrize("name", NAMED)
def test_the_real_command_line_takes_every_command(name: str) -> None:
    page = read(ROOT / name)
    shown = [
        (block.line, words, True)
        for block in blocks(page)
        for words in commands(block.text)
        if Path(words[0]).name == "shouwang"
    ]
    shown += [(line, words, False) for line, words in inline(page)]
    wrong = [
        f"line {line}: {' '.join(words)}: {said}"
        for line, words, whole in shown
        if (said := complaint(words, whole=whole))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_run_says_why(name: str) -> None:
    for block in blocks(read(ROOT / name)):
        if block.verb == "not run":
            assert len(block.what) >= 8, f"line {block.line}: a reason that a reader understands"
            for test in re.findall(r"(?:tests|docs)/[\w/-]+\.(?:py|md)(?:::\w+)?", block.what):
                file, _, function = test.partition("::")
                assert (ROOT / file).is_file(), f"line {block.line}: {file}"
                assert function in read(ROOT / file), f"line {block.line}: {test}"


@pytest.mark.parametrize("name", NAMED)
def test_no_command_hides_in_another_kind_of_block(name: str) -> None:
    hidden = [
        f"line {fence.line}: {found[0]}"
        for fence in fences(read(ROOT / name))
        if fence.language != "sh" and not fence.language.startswith(("markdown", "toml", "yaml", "ini"))
        for found in [A_COMMAND.search(fence.text)]
        if found
    ]
    assert hidden == [], "fence commands as ```sh"


@pytest.mark.parametrize("name", [name for name in NAMED if name.endswith(ZH)])
def test_both_languages_show_the_same_commands(name: str) -> None:
    def shown(page: Path) -> list[tuple[str, str, list[list[str]]]]:
        return [(block.verb, block.what, commands(block.text)) for block in blocks(read(page))]

    assert shown(ROOT / name) == shown(ROOT / name.replace(ZH, ".md"))


SAMPLE = """\
# A page

```sh
shouwang init x && cd x   # a comment
A=1 shouwang serve \\
    --port 9000 > log
cat > fleet.csv <<'END'
shouwang nothing
END
```

<!-- unplug: 192.168.1.80 -->
<!-- run: exits 1 -->
```sh
shouwang doctor
```

```toml
[sip]
```
"""


def test_blocks_are_found_with_what_is_said_of_them() -> None:
    first, unplugged, last = blocks(SAMPLE)
    assert (first.line, first.verb, first.what) == (3, "run", "")
    assert unplugged == Block(12, "unplug", "192.168.1.80")
    assert (last.verb, last.what, last.text) == ("run", "exits 1", "shouwang doctor\n")


def test_commands_are_told_from_what_surrounds_them() -> None:
    assert commands(next(blocks(SAMPLE)).text) == [
        ["shouwang", "init", "x"],
        ["cd", "x"],
        ["shouwang", "serve", "--port", "9000"],
        ["cat"],
    ]


def test_what_is_said_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"line 3: .* stands above no block of commands"):
        list(blocks("<!-- not run: needs root -->\n\n```toml\n```\n"))


@pytest.mark.parametrize(
    ("command", "whole", "says"),
    [
        ("shouwang serve --port 9000", True, ""),
        ("shouwang serve --prot 9000", True, "--prot"),
        ("shouwang serve --port many", True, "integer"),
        ("shouwang token create --centre x", True, ""),
        ("shouwang token make", True, "there is no"),
        ("shouwang fleet check", True, "FILE"),
        ("shouwang fleet check", False, ""),
        ("shouwang agent --broker mqtt://… --nothing", False, "--nothing"),
        ("shouwang --help", True, ""),
    ],
)
def test_a_command_is_held_to_the_real_command_line(command: str, whole: bool, says: str) -> None:
    said = complaint(command.split(), whole=whole)
    assert says.lower() in said.lower()
    assert bool(said) is bool(says)

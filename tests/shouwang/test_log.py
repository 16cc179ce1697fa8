"""Log lines: one event each, whatever is in them."""

import logging
from collections.abc import Iterator

import pytest

from shouwang import log


class Said:
    """What went to standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    log.configure("info", again=True)
    yield Said(capsys)
    log.configure("info", again=True)


def test_an_event_is_one_line_of_keys_and_values(said: Said) -> None:
    log.get_logger("collector").info("hearing", after_ms=3, path="a-1", reason="no answer", nothing=None, deaf=False)
    line = said.getvalue()
    assert line.endswith(
        ' level=info part=collector event=hearing after_ms=3 path=a-1 reason="no answer" nothing=- deaf=false\n'
    )
    assert line.startswith("at=20")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nat=2026 level=error event=forged", r'"a\nat=2026 level=error event=forged"'),
        ("\x1b[31mred\u2028\x00", r'"\u001b[31mred\u2028\u0000"'),
        ('"quoted" \\', r'"\"quoted\" \\"'),
        ("苏木", "苏木"),
        ("", '""'),
    ],
)
def test_a_value_cannot_begin_a_line_or_a_key_of_its_own(said: Said, value: str, written: str) -> None:
    log.get_logger("x").info("heard", name=value)
    assert said.getvalue().endswith(f" name={written}\n")
    assert len(said.getvalue().splitlines()) == 1


def test_a_key_that_is_no_name_is_mended(said: Said) -> None:
    log.get_logger("x").info("heard", **{"a b=1\n": 2})
    assert said.getvalue().endswith("event=heard _a_b_1_=2\n")


def test_nobody_overwrites_when_it_was(said: Said) -> None:
    log.get_logger("x").info("heard", at="1970", level="none")
    assert said.getvalue().startswith("at=20")
    assert said.getvalue().endswith(" level=info part=x event=heard at_=1970 level_=none\n")


def test_a_long_value_is_cut(said: Said) -> None:
    log.get_logger("x").info("heard", payload="y" * 100_000)
    assert len(said.getvalue()) < 9_000
    assert "(100000 characters)" in said.getvalue()


def test_an_exception_stays_on_its_line(said: Said) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.get_logger("x").exception("failed")
    assert said.getvalue().count("\n") == 1
    assert r"ValueError: two\nlines" in said.getvalue()


def test_what_libraries_log_has_the_same_form(said: Said) -> None:
    logging.getLogger("shouwang.mqtt").warning("gone\nclient=%s", "a")
    assert said.getvalue().endswith(' level=warning part=shouwang.mqtt event="gone\\nclient=a"\n')


def test_debug_is_silent_unless_asked_for(said: Said) -> None:
    log.get_logger("x").debug("a message")
    assert said.getvalue() == ""
    log.configure("debug", again=True)
    log.get_logger("x").debug("a message")
    assert "level=debug" in said.getvalue()

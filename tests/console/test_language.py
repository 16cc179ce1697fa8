"""The catalogues are complete, and every page speaks the language that its reader wants."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.console import language as languages
from api.console.words import WORDS
from shouwang.ledger.views import CENTRE_CONDITIONS, DEVICE_CONDITIONS
from shouwang.vocabulary import Cause, CentreStage, CentreType, Condition, NotificationType, Role, Room, Severity

CONSOLE = Path(languages.__file__).parent
LOCALES = CONSOLE / "locales"
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None, "text": None, "counted": (1, 2)}


def wanted() -> set[str]:
    """Every message of the console's code and templates."""
    found = extract_from_dir(CONSOLE, METHODS, OPTIONS, KEYWORDS)
    messages = {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}
    return {message for message in messages if message}


@pytest.mark.parametrize("locale", languages.LOCALES.values())
def test_a_catalogue_holds_every_message_and_no_other(locale: str) -> None:
    with (LOCALES / f"{locale}.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    held: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if message.id:
            name = message.id if isinstance(message.id, str) else message.id[0]
            strings = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            held[name] = strings
    assert set(held) == wanted()
    assert [name for name, strings in held.items() if not (strings and all(strings))] == []
    for name, strings in held.items():
        places = set(re.findall(r"%\(\w+\)s|%s", name))
        assert all(set(re.findall(r"%\(\w+\)s|%s", string)) == places for string in strings), name


def test_chinese_stands_with_chinese_punctuation() -> None:
    text = (LOCALES / "zh_CN.po").read_text("utf-8")
    strings = [line for line in text.splitlines() if line.startswith("msgstr")]
    wrong = [line for line in strings if re.search(r"[\u4e00-\u9fff][,;?:(]|[,;?:][\u4e00-\u9fff]", line)]
    assert wrong == []


@pytest.mark.parametrize(
    ("vocabulary", "codes"),
    [
        ("condition", [*Condition, *CENTRE_CONDITIONS, *DEVICE_CONDITIONS]),
        ("severity", Severity),
        ("cause", Cause),
        ("stage", CentreStage),
        ("centre_type", CentreType),
        ("room", Room),
        ("role", Role),
        ("notification", [f"incident.{each}" for each in NotificationType]),
    ],
)
def test_every_code_of_a_closed_vocabulary_has_a_word(vocabulary: str, codes: list[str]) -> None:
    assert [code for code in codes if str(code) not in WORDS[vocabulary]] == []


@pytest.mark.parametrize(
    ("cookie", "accepts", "code"),
    [
        (None, None, "zh"),
        (None, "fr-FR,de;q=0.5", "zh"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en;q=0.5,zh-TW;q=0.7", "zh"),
        (None, "en;q=0", "zh"),
        (None, "en;q=nonsense, *", "zh"),
        ("en", "zh-CN", "en"),
        ("zh", "en-GB", "zh"),
        ("xx", "en-GB", "en"),
    ],
)
def test_the_reader_s_choice_comes_first_then_what_the_browser_prefers(
    cookie: str | None, accepts: str | None, code: str
) -> None:
    assert languages.choose(cookie, accepts).code == code

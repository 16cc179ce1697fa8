"""Every sentence with which a fleet file is refused has a Chinese one, with the same values in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shouwang import fleet, kinds
from shouwang.fleet import parse
from shouwang.fleet.in_chinese import in_chinese

CHECKS = Path(fleet.__file__).parent
SAYING = {"ValueError", "Unreadable", "FleetError", "_wrong", "append"}
"""What is called with a sentence."""


def sentences() -> Iterator[str]:
    """Those of the code, with 7 where a value stands."""
    for path in sorted(set(CHECKS.glob("*.py")) - {CHECKS / "write.py", CHECKS / "sheet.py"}):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                named = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if named in SAYING:
                    for each in ast.walk(node):
                        if isinstance(each, ast.JoinedStr):
                            said = "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in each.values)
                            if " " in said:
                                yield said
                        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value:
                            yield each.value


def inner(sentence: str) -> bool:
    """Parts of an f-string are met a second time by the walk."""
    return any(sentence != whole and sentence in whole for whole in WHOLE)


WHOLE = sorted(set(sentences()))


@pytest.mark.parametrize("sentence", [each for each in WHOLE if not inner(each)])
def test_a_sentence_of_the_checks_has_a_chinese_one(sentence: str) -> None:
    said = in_chinese(sentence)
    assert any("\u4e00" <= character <= "\u9fff" for character in said), sentence
    assert "7" in said or "7" not in sentence


def test_the_values_stand_in_it() -> None:
    header = "centre,device,kind,latitude,report_every_s,colour\n"
    rows = "1.50525E+11,Call 1,toster,126,-3,red\n150525100201,call-1,camera,,,\n150525100201,call-1,camera,,,\n"
    first = {error.column: in_chinese(error.message) for error in parse(header.encode(), kinds.load()).errors}
    assert first["colour"].startswith("未知的列；")
    errors = parse((header + rows).replace(",colour", "").replace(",red", "").encode(), kinds.load()).errors
    said = {error.column: in_chinese(error.message) for error in errors}
    assert "1.50525E+11" in said["centre"]
    assert said["latitude"] == "'126' 不在 -90 到 90 度之间（经纬度是否写反了？）"
    assert said["kind"].startswith("'toster' 不在可选范围内；")
    assert said["device"] == "150525100201/call-1 在第 3 行已经出现：请改名或删去其中之一"
    device = next(error for error in errors if error.column == "device" and error.line == 2)
    assert in_chinese(device.message).endswith("以字母或数字开头：可写 'call-1'")


def test_a_sentence_that_is_new_stands_as_it_is() -> None:
    assert in_chinese("quite another thing") == "quite another thing"

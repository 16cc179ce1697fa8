"""The pages about the doctor say what it says; `make generate` makes them anew."""

from collector.doctor import Grade, catalogue
from collector.doctor.pages import DOCS, rendered


def test_the_pages_have_not_drifted() -> None:
    for name, content in rendered().items():
        assert (DOCS / name).read_text("utf-8") == content, f"{name}: make generate"
        mistakes = [entry for entry in catalogue().values() if entry.grade is not Grade.OK]
        assert content.count("\n| ") == len(mistakes) + content.count("\n| --- ") + content.count("\n| | ")

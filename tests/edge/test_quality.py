"""Every driver's folder says what it keeps, and it is so: named tests exist, samples are taken as they stand."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from edge.allowed import Allowed
from edge.hearing import load_listener
from edge.probing import Around, drivers, find_probe
from edge.quality import DOCS, PROBES, page, quality_of
from edge.secrets import Secrets
from edge.watchlist import make_watchlist
from shouwang.fleet import parse
from shouwang.kinds import load
from shouwang.messages import Config, ConfiguredDevice

TESTS = Path(__file__).parent.parent
KINDS = load()
SAMPLE = re.compile(r"^```csv\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class _AnySecret(Secrets):
    """Every name is known."""

    def reveal(self, value: str) -> str:
        return "revealed-and-long-enough" if value.startswith("secret:") else value


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("driver", drivers())
def test_what_a_driver_claims_has_a_test(driver: str) -> None:
    kept = quality_of(driver)
    assert kept.setup_errors_told_apart
    assert kept.bounded_in_time
    assert kept.peers or driver == "host", "proved against a program that is not ours"
    for test in kept.tests():
        path, _, name = test.partition("::")
        assert name in functions(path), f"edge/probes/{driver}/quality.toml names {test}, which there is not"


@pytest.mark.parametrize("driver", drivers())
def test_the_sample_of_a_driver_is_taken_as_it_stands(driver: str, tmp_path: Path) -> None:
    text = (PROBES / driver / "README.md").read_text("utf-8")
    assert "## 中文" in text
    samples = SAMPLE.findall(text)
    assert samples, f"edge/probes/{driver}/README.md holds no ```csv block"
    around = Around(allowed=Allowed(), secrets=_AnySecret(None), state_directory=tmp_path)
    for sample in samples:
        parsed = parse(sample.encode(), KINDS)
        assert [str(error) for error in parsed.errors] == []
        rows = [row for row in parsed.rows if (row.driver or KINDS[row.kind].driver) == driver]
        assert rows, "its rows are of this driver"
        said = [ConfiguredDevice(r.device, r.kind, driver, r.target, r.settings or {}, 60.0, 5.0) for r in rows]
        assert make_watchlist(Config(1, "one", said), KINDS, around).problems == []


@pytest.mark.parametrize("driver", drivers())
def test_a_driver_asks_or_listens(driver: str) -> None:
    assert find_probe(driver) is not None or load_listener(driver) is not None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_not_drifted(language: str) -> None:
    file = DOCS / ("drivers.md" if language == "en" else "drivers.zh-CN.md")
    assert file.read_text("utf-8") == page(language), "run `make generate`"

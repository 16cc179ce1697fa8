"""The figures follow Prometheus' naming rules: its own `promtool check metrics` reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest

from api.health import number
from tests.api.conftest import Api
from tests.api.serving import serving
from tests.servers import need_server


@pytest.fixture
def promtool() -> Path:
    return need_server("promtool")


def complaints(promtool: Path, text: str) -> str:
    """What promtool has against a page of figures; "" where nothing."""
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.system
async def test_promtool_has_nothing_against_our_figures(api: Api, promtool: Path) -> None:
    async with serving(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        headers = {"authorization": f"Bearer {api.token}"}
        # a route that was asked stands in the histogram
        assert (await client.get("/api/v1/summary", headers=headers)).is_success
        answer = await client.get("/metrics", headers=headers)
    assert answer.is_success
    assert answer.text.count("# TYPE shouwang_") > 15
    assert complaints(promtool, answer.text) == ""


@pytest.mark.system
@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("# HELP shouwang_asides A count.\n# TYPE shouwang_asides counter\nshouwang_asides 1\n", '"_total"'),
        ("# HELP shouwang_took_ms A time.\n# TYPE shouwang_took_ms gauge\nshouwang_took_ms 1\n", "abbreviated units"),
        ("# TYPE shouwang_bare gauge\nshouwang_bare 1\n", "help"),
    ],
)
def test_a_name_against_the_rules_is_found(promtool: Path, planted: str, named: str) -> None:
    assert named in complaints(promtool, planted)


@pytest.mark.parametrize(("value", "text"), [(True, "1"), (12, "12"), (12_345_678, "12345678"), (0.25, "0.25")])
def test_a_great_count_keeps_its_last_digit(value: float, text: str) -> None:
    assert number(value) == text

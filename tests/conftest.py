"""What every test may ask for: real servers on loopback, a browser, and a summary of what was skipped.

A server that is not on this machine skips its tests with the reason; under CI (CI=true) they fail.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from playwright.async_api import Browser, Page, async_playwright

from tests import tally
from tests.servers import Bucket, Database, InfluxDB, Mosquitto, Postgres, need_server

# A slow moment of a busy machine is no finding.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")

# What takes long in these folders also measures time, or starts so much that it wants the machine for itself.
MEASURE_TIME = ("collector", "edge", "notify", "shouwang", "simulation", "simulators", "timeline")

MosquittoStarter = Callable[..., Mosquitto]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks those that must not run beside others as `alone` (tests/run.py)."""
    tests = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(tests).parts[0]
        if folder in MEASURE_TIME and (item.get_closest_marker("system") or item.get_closest_marker("slow")):
            item.add_marker("alone")


@pytest.fixture
def start_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoStarter]:
    """Starts brokers: `start_mosquitto(settings=["password_file …", "acl_file …"])`; all end with the test."""
    program = need_server("mosquitto")
    brokers: list[Mosquitto] = []

    def start(settings: Sequence[str] = (), port: int | None = None) -> Mosquitto:
        brokers.append(Mosquitto(program, tmp_path_factory.mktemp("mosquitto"), settings, port))
        return brokers[-1].start()

    yield start
    for broker in brokers:
        broker.stop()


@pytest.fixture
def mosquitto(start_mosquitto: MosquittoStarter) -> Mosquitto:
    """A running broker of this test's own; `stop`, `kill`, `pause` and `start` it at will, its port stays."""
    return start_mosquitto()


@pytest.fixture(scope="session")
def influxdb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    """The InfluxDB server of all tests. Ask for `influxdb`, which keeps tests apart."""
    server = InfluxDB(need_server("influxd"), tmp_path_factory.mktemp("influxdb"))
    server.start()
    server.set_up()
    yield server
    server.stop()


@pytest.fixture
def influxdb(influxdb_server: InfluxDB) -> Iterator[Bucket]:
    """An empty bucket (`url`, `org`, `bucket`, `token`); `.server` may be stopped and started."""
    influxdb_server.start()
    with influxdb_server.bucket() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The PostgreSQL server of all tests. Ask for `postgres`, which keeps tests apart."""
    program = need_server("postgres")
    # Not pytest's own temporary folder: the server's user may not enter that of root.
    with tempfile.TemporaryDirectory(prefix="shouwang-postgres-") as directory:
        server = Postgres(program, Path(directory))
        server.set_up()
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Database]:
    """An empty database (`url`, for SQLAlchemy); `.server` may be stopped and started."""
    postgres_server.start()
    with postgres_server.database() as database:
        yield database


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium, Debian's own."""
    program = need_server("chromium")
    async with async_playwright() as playwright:
        # As root Chromium has no sandbox to give; the pages it opens here are our own.
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def page(browser: Browser) -> Page:
    """A page in a fresh context: Chinese first, in the time of Shanghai."""
    context = await browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
    return await context.new_page()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end how many tests were skipped, each reason once; those of the turn before too (tests/run.py)."""
    tally.take(terminalreporter)
    tally.keep(terminalreporter)
    if not os.environ.get("GRAFANA_URL"):
        terminalreporter.line("not run: the tests against a real Grafana (name one with GRAFANA_URL and GRAFANA_TOKEN)")
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    terminalreporter.section("skipped, and why" if reasons else "nothing was skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4}  {reason.removeprefix('Skipped: ')}")

"""Boxes and the centre of it, run whole: enrolled by a code, upgraded from the centre, and back again by themselves."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bundle.box import CENTRE, Box, Centre
from tests.bundle.limited import Limited, memory_limit
from tests.bundle.variants import CANNOT_START, CRASHES, HANGS, REPORTS_TO_NOBODY, variant
from tests.waiting import SELDOM_S, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


class Api:
    """REST as an administrator asks it."""

    def __init__(self, centre: Centre) -> None:
        token = centre.command_line("token", "create", "--role", "administrator")
        self.client = httpx.Client(base_url=f"{centre.url}/api/v1", headers={"Authorization": f"Bearer {token}"})

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.client.request(method, path, json=body or None)
        assert answer.is_success, answer.text
        return answer.json()

    def version(self) -> str:
        """What the site's newest reading says of the agent that took it; empty before there is one."""
        found = self.ask("GET", f"/centres/{CENTRE}/devices/site")["last_reading"] or {}
        return str(found.get("fields", {}).get("agent_version", ""))

    def rollout(self, id_: int) -> Any:
        return next(each for each in self.ask("GET", "/upgrades")["rollouts"] if each["id"] == id_)

    def until_gone_back(self, id_: int, box: Box) -> Any:
        """The rollout, once our agent has said that it gave it up."""
        wait_until(lambda: self.rollout(id_)["failed"], lambda: box.said, 60, SELDOM_S)
        return self.rollout(id_)


@pytest.fixture(scope="module")
def api(centre: Centre) -> Iterator[Api]:
    made = Api(centre)
    yield made
    made.client.close()


@pytest.fixture(autouse=True)
def nothing_is_offered_on(api: Api) -> Iterator[None]:
    """What one test offered, the next one's new box does not take."""
    yield
    for rollout in api.ask("GET", "/upgrades")["rollouts"]:
        if rollout["ended_at"] is None:
            api.ask("POST", f"/upgrades/{rollout['id']}/end")


@pytest.fixture
def small() -> Iterator[Limited]:
    """As much memory as a small router has for programs."""
    with memory_limit(64 << 20) as made:
        yield made


def offer(centre: Centre, api: Api, bundle: Path, version: str) -> int:
    """Takes a bundle in and offers it to our centre; gives the rollout's id."""
    centre.command_line("bundle", "add", str(bundle))
    return int(api.ask("POST", "/upgrades", version=version, paths=[CENTRE])["id"])


def test_a_box_with_64_mib_is_enrolled_reports_and_takes_an_upgrade(
    small: Limited, box: Box, centre: Centre, api: Api, bundle: Path, tmp_path: Path
) -> None:
    box.entering = small.entering
    box.start()
    wait_until(
        lambda: api.version() == "0.1.0",
        lambda: box.said,
        30,
        SELDOM_S,
    )
    id_ = offer(centre, api, variant(bundle, tmp_path, "0.2.0"), "0.2.0")
    wait_until(lambda: api.version() == "0.2.0", lambda: box.said, 60, SELDOM_S)
    wait_until(lambda: api.rollout(id_)["done"] == 1, lambda: box.said, 30, SELDOM_S)
    status = box.status()
    assert status["installed"] == "0.1.0", "what was installed stays, whatever is chosen"
    assert [(each["version"], each["reason"]) for each in status["outcomes"]] == [("0.2.0", "")]
    assert status["trial"] is None
    assert small.killed == 0
    # Between its askings: the process that asks holds as much again while it runs.
    wait_until(lambda: 8 << 20 < small.own_bytes < 40 << 20, lambda: f"{small.own_bytes} bytes", 20)


def test_each_broken_bundle_goes_back_by_itself_and_ends_its_rollout(
    centre: Centre, api: Api, bundle: Path, tmp_path: Path, make_box: Callable[..., Box]
) -> None:
    box = make_box(confirm_within_s=3.0)
    box.start()
    wait_until(lambda: "configured" in box.said, lambda: box.said, 30, SELDOM_S)
    for version, edits, why in (
        ("0.3.1", REPORTS_TO_NOBODY, "had not reported within"),
        ("0.3.2", HANGS, "had not reported within"),
        ("0.3.3", CRASHES, "before it had reported|had not reported within"),
        ("0.3.4", CANNOT_START, "does not start here"),
    ):
        before = box.said
        id_ = offer(centre, api, variant(bundle, tmp_path, version, edits), version)
        gone = api.until_gone_back(id_, box)
        assert (gone["ended_as"], gone["ended_by"]) == ("rolled_back", CENTRE)
        assert re.search(why, gone["failures"][0]["reason"])
        said = box.said.removeprefix(before)
        assert ("runs on trial" in said) == (edits is not CANNOT_START), "what cannot start is not even tried"
        assert (f"version={version} outbox=" in said) == (edits is REPORTS_TO_NOBODY), "the others never came so far"
    wait_until(lambda: api.version() == "0.1.0", lambda: box.said, 30, SELDOM_S)
    assert box.status()["chosen"] == ""
    assert box.run("status", "--settings", str(box.settings)).returncode == 1


def test_a_bundle_that_was_tampered_with_on_the_box_is_not_run(
    centre: Centre, api: Api, bundle: Path, tmp_path: Path, make_box: Callable[..., Box]
) -> None:
    box = make_box()
    box.start()
    id_ = offer(centre, api, variant(bundle, tmp_path, "0.4.0"), "0.4.0")
    wait_until(lambda: api.rollout(id_)["done"], lambda: box.said, 60, SELDOM_S)
    box.stop()
    chosen = next((box.root / "var/lib/shouwang-agent/bundles").glob("*.pyz"))
    chosen.write_bytes(chosen.read_bytes() + b"one byte more")
    box.start()
    wait_until(lambda: api.version() == "0.1.0", lambda: box.said, 30, SELDOM_S)
    assert "cannot run: the file is not the one that was signed" in box.said

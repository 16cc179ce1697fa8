"""Boxes and the centre of it, run whole: enrolled by a code, upgraded from the centre, and back again by themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bundle.box import CENTRE, Box, Centre
from tests.bundle.variants import variant
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


@pytest.fixture(scope="module")
def api(centre: Centre) -> Iterator[Api]:
    made = Api(centre)
    yield made
    made.client.close()


def offer(centre: Centre, api: Api, bundle: Path, version: str) -> int:
    """Takes a bundle in and offers it to our centre; gives the rollout's id."""
    centre.command_line("bundle", "add", str(bundle))
    return int(api.ask("POST", "/upgrades", version=version, paths=[CENTRE])["id"])


def test_a_box_is_enrolled_reports_and_takes_an_upgrade(
    box: Box, centre: Centre, api: Api, bundle: Path, tmp_path: Path
) -> None:
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

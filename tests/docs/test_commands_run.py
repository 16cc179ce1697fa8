"""What the pages show is done, page by page, as a reader would do it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commands import PAGES, blocks, read
from tests.docs.scenes import SCENES
from tests.docs.terminal import Reader
from tests.servers.network import Network, own_network
from tools.site.pages import ROOT, ZH

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

# A page in Chinese shows the same commands (test_commands.py).
RUN = [
    str(page.relative_to(ROOT))
    for page in PAGES
    if not page.name.endswith(ZH) and any(block.verb == "run" for block in blocks(read(page)))
]


@pytest.fixture
def network() -> Iterator[Network]:
    with own_network() as made:
        yield made


@pytest.mark.parametrize("name", RUN)
def test_the_commands_of_a_page_do_what_it_says(name: str, tmp_path: Path, network: Network) -> None:
    with SCENES[name](tmp_path, network):
        reader = Reader(tmp_path, network)
        try:
            for block in blocks(read(ROOT / name)):
                reader.follow(block)
        finally:
            reader.end()

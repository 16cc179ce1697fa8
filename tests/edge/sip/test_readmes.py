"""What the READMEs of the SIP drivers say of `listen.toml` works as it stands (their fleet rows: test_quality.py)."""

import re
import tomllib
from pathlib import Path

import pytest

from edge.listen_file import load_listen_file


@pytest.mark.parametrize("driver", ["sip", "scaip", "gbt28181"])
def test_listen_toml(driver: str, tmp_path: Path) -> None:
    text = (Path("edge/probes") / driver / "README.md").read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    assert tomllib.loads(found[1]).keys() == {driver}
    (tmp_path / "listen.toml").write_text(found[1], "utf-8")
    options = load_listen_file(tmp_path / "listen.toml")[driver]
    assert options.port == 5060

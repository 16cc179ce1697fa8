"""What the agent leaves out stays out, and is there when somebody wants it."""

import subprocess
import sys

HEAVY = "http.client email.message tempfile zipfile lzma csv statistics difflib xml.sax"
AGENT = f"""
import sys, edge.__main__, edge.ears, edge.probes.host, edge.probes.onvif, websockets.asyncio.client
print([name for name in {HEAVY.split()} if name in sys.modules])
"""
TOUCHED = """
import edge.__main__, importlib.metadata, sys, urllib.request
assert not hasattr(urllib.request, "__file__")
assert "http.client" not in sys.modules
from urllib.request import Request
print(Request("http://a/b").host, callable(urllib.request.getproxies), bool(importlib.metadata.version("msgspec")))
assert urllib.request is sys.modules["urllib.request"]
assert urllib.request.__file__
"""


def said_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_agent_loads_none_of_it() -> None:
    assert said_by(AGENT) == "[]"


def test_what_was_left_out_is_loaded_when_it_is_touched() -> None:
    assert said_by(TOUCHED) == "a True True"

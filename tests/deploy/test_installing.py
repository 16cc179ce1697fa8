"""What the pages about installing show, done: the settings hold, and the proxy passes on what people need."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from shouwang.settings import load
from tests.deploy.composed import ROOT
from tests.edge.devices import certificate
from tests.servers import ServerProcess, need_server
from tests.servers.process import free_port
from tests.timeline.product import Serve

PAGES = [ROOT / "docs" / name for name in ("installing.md", "installing.zh-CN.md")]


def block(page: Path, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


def without_words(text: str) -> str:
    return re.sub(r" *#.*$", "", text, flags=re.MULTILINE)


def test_both_pages_show_the_same_settings_and_proxy() -> None:
    first, second = PAGES
    assert block(first, "nginx") == block(second, "nginx")
    assert without_words(block(first, "toml")) == without_words(block(second, "toml"))


def test_the_settings_of_the_page_hold(tmp_path: Path) -> None:
    file = tmp_path / "shouwang.toml"
    said = tomllib.loads(block(PAGES[0], "toml"))
    file.write_text(block(PAGES[0], "toml"), "utf-8")
    settings = load(file, env={}).settings
    assert settings.agents_from_outside
    assert settings.broker.key_file == tmp_path / said["broker"]["key_file"]
    assert settings.public_url == said["api"]["public_url"]
    assert list(settings.notify.providers) == settings.notify.ways


def test_every_unit_that_is_named_is_there_and_every_one_that_is_there_is_named() -> None:
    there = {
        path.name for path in (ROOT / "deploy" / "systemd").glob("shouwang*") if path.suffix in (".service", ".timer")
    }
    for page in PAGES:
        named = set(re.findall(r"shouwang[\w-]*\.(?:service|timer)", page.read_text("utf-8")))
        assert named <= there
        assert {name for name in there - named if "@" not in name} == set(), page.name


class Proxy(ServerProcess):
    """nginx with the block of the page, on another port and with other files."""

    def __init__(self, directory: Path, to_port: int) -> None:
        super().__init__(directory)
        self.certificate, self.key = certificate(directory)
        self._to_port = to_port

    def command(self) -> Sequence[str | Path]:
        server = block(PAGES[0], "nginx")
        for shown, here in (
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("/etc/nginx/tls/shouwang.pem", str(self.certificate)),
            ("/etc/nginx/tls/shouwang.key", str(self.key)),
            ("127.0.0.1:8420", f"127.0.0.1:{self._to_port}"),
        ):
            assert server.count(shown) == 1
            server = server.replace(shown, here)
        config = self.directory / "nginx.conf"
        head = f"daemon off; pid {self.directory}/nginx.pid; error_log stderr; user root;\nevents {{}}\n"
        config.write_text(f"{head}http {{ access_log off;\n{server}}}\n")
        return [need_server("nginx"), "-c", config, "-p", self.directory, "-e", "stderr"]


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[Serve, Proxy]]:
    """The product, and the proxy before it."""
    fleet = tmp_path / "fleet.csv"
    fleet.write_text("region,centre,device,kind\n150525,my-centre,call-01,call_terminal\n")
    serve = Serve(tmp_path, fleet, f"http://127.0.0.1:{free_port()}/hook")
    (tmp_path / "proxy").mkdir()
    proxy = Proxy(tmp_path / "proxy", serve.http_port)
    serve.environment["SHOUWANG_API__PUBLIC_URL"] = f"https://127.0.0.1:{proxy.port}"
    serve.start()
    proxy.start()
    yield serve, proxy
    proxy.stop()
    serve.stop()


@pytest.mark.system
def test_people_sign_in_and_hear_what_is_new_through_the_proxy(proxied: tuple[Serve, Proxy]) -> None:
    serve, proxy = proxied
    base = f"https://127.0.0.1:{proxy.port}"
    (link,) = re.findall(r"first sign-in.*?(/sign-in/\S+)", serve.log.read_text("utf-8"))
    with httpx.Client(base_url=base, verify=str(proxy.certificate), timeout=10) as client:
        assert client.get(link).status_code == 200, "a page with a button: a preview of the link signs nobody in"
        came_in = client.post(link, headers={"origin": base, "sec-fetch-site": "same-origin"})
        assert came_in.status_code == 303
        assert "__Host-" in came_in.headers["set-cookie"]
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        with client.stream("GET", "/api/v1/stream") as stream:
            assert stream.status_code == 200
            assert next(stream.iter_text()), "its beginning comes at once, not when a buffer is full"

"""Against programs that are not ours: sipp as terminals and as what is asked, baresip as a telephone."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.probes.gbt28181 import Gbt28181Listener
from edge.probes.scaip import ScaipListener
from edge.probes.sip import SipListener, SipProbe
from edge.probes.sip.settings import SipSettings
from edge.probing import Answer, Around
from tests.edge.sip.listening import listening
from tests.servers import free_port, need_server

pytestmark = pytest.mark.system

SCENARIOS = Path(__file__).parent / "scenarios"
PASSWORD = "hall-2026"


@asynccontextmanager
async def running(command: Sequence[str | Path], directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=directory,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def sipp(scenario: str, directory: Path, *more: str) -> tuple[int, str]:
    """Runs a scenario to its end."""
    command: list[str | Path] = [
        need_server("sipp"),
        "-sf",
        SCENARIOS / scenario,
        "-nostdin",
        "-timeout",
        "15s",
        "-timeout_error",
        *more,
    ]
    async with running(command, directory) as process:
        async with asyncio.timeout(20):
            output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_answers_our_options(tmp_path: Path, transport: str) -> None:
    port = str(free_port())
    mode = {"udp": "u1", "tcp": "t1"}[transport]
    near = Around(allowed=Allowed(AllowedFile(loopback=True)))
    settings = SipSettings(transport="tcp" if transport == "tcp" else "udp", user="1001")
    probe = SipProbe(f"127.0.0.1:{port}", settings, near)
    run = asyncio.create_task(
        sipp("answer_options.xml", tmp_path, "-i", "127.0.0.1", "-p", port, "-t", mode, "-m", "3")
    )
    answers: list[Answer] = []
    async with asyncio.timeout(15):
        while len(answers) < 3:
            answer = await probe.ask(1.0)
            if answer.reachable:
                answers.append(answer)
            else:
                await asyncio.sleep(0.05)  # it has just been started
        code, output = await run
    assert code == 0, output
    assert all(answer.latency_ms is not None and answer.latency_ms < 1000 for answer in answers)
    near.close()


def terminals(directory: Path, count: int) -> tuple[str, list[str]]:
    """sipp's file of users, one after the other."""
    users = [f"10{n:02d}" for n in range(count)]
    path = directory / "users.csv"
    rows = "".join(f"{user};[authentication username={user} password={PASSWORD}]\n" for user in users)
    path.write_text(f"SEQUENTIAL\n{rows}")
    return str(path), users


@pytest.mark.parametrize("mode", ["u1", "t1"])
async def test_sipp_registers_with_us(tmp_path: Path, mode: str) -> None:
    path, users = terminals(tmp_path, 40)
    settings = {"look": "registrar", "password": PASSWORD}
    async with listening(SipListener, [(f"call-{u}", u, settings) for u in users], tmp_path) as ear:
        to = f"127.0.0.1:{ear.server[1]}"
        code, output = await sipp("register.xml", tmp_path, to, "-inf", path, "-m", "40", "-r", "100", "-t", mode)
        assert code == 0, output
        assert {each.device for each in ear.heard} == {f"call-{user}" for user in users}
        assert all(each.fields["registered"] for each in ear.heard)


async def test_sipp_with_another_password_is_refused(tmp_path: Path) -> None:
    path, users = terminals(tmp_path, 1)
    settings = {"look": "registrar", "password": "another"}
    async with listening(SipListener, [("call-01", users[0], settings)], tmp_path) as ear:
        to = f"127.0.0.1:{ear.server[1]}"
        code, output = await sipp("register.xml", tmp_path, to, "-inf", path, "-m", "1")
        assert code == 1, output
        assert "403" in output
        assert ear.heard == []


async def test_sipp_registers_as_a_recorder(tmp_path: Path) -> None:
    code_of_device = "34020000001180000001"
    path = tmp_path / "users.csv"
    path.write_text(f"SEQUENTIAL\n{code_of_device};[authentication username={code_of_device} password={PASSWORD}]\n")
    devices = [("nvr-01", code_of_device, {"password": PASSWORD, "catalogue_s": 0})]
    async with listening(Gbt28181Listener, devices, tmp_path, kind="nvr") as ear:
        to = f"127.0.0.1:{ear.server[1]}"
        code, output = await sipp("register.xml", tmp_path, to, "-inf", str(path), "-m", "1")
        assert code == 0, output
        assert ear.last("nvr-01")["registered"] is True


async def test_sipp_calls_for_help(tmp_path: Path) -> None:
    path, users = terminals(tmp_path, 20)
    devices = [(f"call-{user}", user, {"reply": "response"}) for user in users]
    async with listening(ScaipListener, devices, tmp_path) as ear:
        to = f"127.0.0.1:{ear.server[1]}"
        code, output = await sipp("scaip.xml", tmp_path, to, "-inf", path, "-m", "20", "-r", "50")
        assert code == 0, output
        assert sorted(ear.events) == [(f"call-{user}", "help_call") for user in users]


async def test_baresip_registers_and_answers(tmp_path: Path) -> None:
    program = need_server("baresip")
    config = tmp_path / "baresip"
    config.mkdir()
    modules = Path("/usr/lib/baresip/modules")
    ours = free_port()
    (config / "config").write_text(
        f"sip_listen 127.0.0.1:{ours}\nmodule_path {modules}\nmodule_app account.so\naudio_player none\n"
    )
    settings = {"look": "both", "password": PASSWORD}
    async with listening(SipListener, [("call-01", "1001", settings)], tmp_path) as ear:
        account = f"<sip:1001@127.0.0.1:{ear.server[1]}>;auth_user=1001;auth_pass={PASSWORD};regint=30\n"
        (config / "accounts").write_text(account)
        async with running([program, "-f", config], tmp_path) as process:
            try:
                await ear.until(lambda: bool(ear.heard), "baresip's registration")
            except (AssertionError, TimeoutError):
                process.kill()
                assert process.stdout is not None
                pytest.fail((await process.stdout.read()).decode(errors="replace"))
            assert ear.last("call-01")["registered"] is True
            where = SipProbe(f"1001@127.0.0.1:{ours}", SipSettings(look="both"), ear.around)
            answer = await where.ask(2.0)
            assert answer.reachable, answer.reason
            assert answer.fields == {"registered": True}
            registered = SipProbe("1001", SipSettings(look="both"), ear.around)
            assert (await registered.ask(2.0)).reachable
        gone = await registered.ask(0.5)
        assert not gone.reachable
        assert gone.fields["registered"] is True  # a pulled plug stays registered
        assert re.fullmatch(r"\d+", str(gone.fields["last_heard_age_ms"]))

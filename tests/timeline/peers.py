"""Servers as they stand in a village, none of them ours: a page behind nginx, a stream, sshd, snmpd, a broker."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers import Mosquitto, ServerProcess, need_server

RTSP_SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address(sys.argv[1])
server.set_service(sys.argv[2])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=10/1 "
    "! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)
factory.set_shared(True)
server.get_mount_points().add_factory("/hall", factory)
assert server.attach(None)
GLib.MainLoop().run()
"""


class _At(ServerProcess):
    """A server at an address of its own."""

    def __init__(self, directory: Path, address: str, port: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, port)
        self.host = address


class Nginx(_At):
    """A page over TLS, its certificate signed by itself."""

    def command(self) -> Sequence[str | Path]:
        key, certificate, config = (self.directory / name for name in ("key.pem", "cert.pem", "nginx.conf"))
        new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl = [str(need_server("openssl")), "req", *new]
        subject = ["-days", "30", "-subj", "/CN=shop", "-addext", f"subjectAltName=IP:{self.host}"]
        subprocess.run([*openssl, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
        config.write_text(
            f"""daemon off; pid {self.directory}/nginx.pid; error_log stderr; user root;
events {{}}
http {{
  access_log off;
  server {{
    listen {self.host}:{self.port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ default_type application/json; return 200 '{{"state":"open","parcels":3}}'; }}
  }}
}}"""
        )
        return [need_server("nginx"), "-c", config, "-p", self.directory, "-e", "stderr"]


class Sshd(_At):
    """A payment kiosk's remote maintenance, as good as any port that answers."""

    def command(self) -> Sequence[str | Path]:
        key, config = self.directory / "host_key", self.directory / "sshd_config"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        config.write_text(f"ListenAddress {self.host}\nPort {self.port}\nHostKey {key}\nPidFile none\nUsePAM no\n")
        return [need_server("sshd"), "-D", "-e", "-f", config]


class Snmpd(_At):
    """A router's SNMP. It says on its output when it listens: over UDP nobody can be asked."""

    def command(self) -> Sequence[str | Path]:
        config = self.directory / "snmpd.conf"
        config.write_text(f"agentaddress udp:{self.host}:{self.port}\nrocommunity public\nsysName router\n")
        persistent = f"SNMP_PERSISTENT_DIR={self.directory}"
        return ["/usr/bin/env", persistent, need_server("snmpd"), "-f", "-Lo", "-C", "-c", config]

    def ready(self) -> bool:
        return b"NET-SNMP version" in self.log.read_bytes()


class RtspServer(_At):
    """GStreamer's own RTSP server, with a test picture."""

    def command(self) -> Sequence[str | Path]:
        need_server("gst-rtsp-server")
        return ["/usr/bin/python3", "-c", RTSP_SERVER, self.host, str(self.port)]


class Broker(Mosquitto):
    """The centre's own broker, as Zigbee buttons want one."""

    def __init__(self, directory: Path, address: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(need_server("mosquitto"), directory, port=1883)
        self.host = address

"""RTSP servers by GStreamer, for tests: one with /h264 and /h265, one that wants Digest, with /h264.

/usr/bin/python3 tests/servers/gst_rtsp.py HOST
prints their two ports. Run by the system's Python, which has gi.
"""

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOURCE = "videotestsrc is-live=true pattern=smpte ! video/x-raw,width=640,height=360,framerate=10/1 ! "
ENCODED = "tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=400 ! "
PAID = {"/h264": f"x264enc {ENCODED}rtph264pay", "/h265": f"x265enc {ENCODED}rtph265pay"}
ACCESS = "media.factory.access=true, media.factory.construct=true"
USER, PASSWORD = "admin", "hall 2026"


def serve(host: str, paths: list[str], role: str) -> Any:
    """A server of these paths, for whoever has the role; everyone where it is empty."""
    server = GstRtspServer.RTSPServer()
    server.set_address(host)
    server.set_service("0")
    for path in paths:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {SOURCE}{PAID[path]} name=pay0 pt=96 )")
        factory.set_shared(True)
        if role:
            made = Gst.Structure.from_string(f"{role}, {ACCESS}")
            factory.add_role_from_structure(made[0])
        server.get_mount_points().add_factory(path, factory)
    if role:
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, role)
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(USER, PASSWORD, token)
        server.set_auth(auth)
    server.attach(None)
    return server


Gst.init(None)
servers = [serve(sys.argv[1], ["/h264", "/h265"], ""), serve(sys.argv[1], ["/h264"], "viewer")]
print(*(server.get_bound_port() for server in servers), flush=True)
GLib.MainLoop().run()

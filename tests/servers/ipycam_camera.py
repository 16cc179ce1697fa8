"""A camera by ipycam: ONVIF and WS-Discovery on all addresses of the network it is in; it sends no picture.

PYTHON tests/servers/ipycam_camera.py ADDRESS PORT
says "ready", and ends with its standard input. Run by the Python of requirements/peers.txt.
"""

import sys

from ipycam import CameraConfig, IPCamera

USER, PASSWORD = "admin", "hall 2026"

camera = IPCamera(
    CameraConfig(
        local_ip=sys.argv[1],
        onvif_port=int(sys.argv[2]),
        username=USER,
        password=PASSWORD,
        main_stream_name="hall_main",
    )
)
camera.start()
print("ready", flush=True)
sys.stdin.read()
camera.stop()

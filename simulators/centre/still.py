"""One second of a still picture, encoded once: what a camera shows where no films can be drawn."""

from __future__ import annotations

from simulators.devices.rtp import EncodedStream

_SPS = bytes.fromhex("6742c00ada0a37e4840000030004000003002a3c489a80")
_PPS = bytes.fromhex("68ce021c80")
_PICTURE = bytes.fromhex(
    "6588843a118a000206f1c63e10c0753933e21622163e2162216099664d49c9c9c9c9c9d6ebad47600107c0ecb618f4dff81348cfb51706670783"
    "320f0665f7c7e00111faafebfffe04299176a5d75d75d759fbefac5d75d75d75c760009b4d30016fb7073a8fffc1d04c7df7c7e000936926d84"
    "5db90bf074131074131f074131aebaebaebbebaefaebaebaebaebaebaebaf"
)
_AGAIN = bytes.fromhex(
    "419a202ebd7df04fad6b5f7d7df5f7d7df5f7d7df5f7d7df5f7d7d9ffafbe0a3900002d6d35ec4788fe0a3b4d6d2fb3f9fcfe7f3f9fc2786298f"
    "7fbdff3f9ff827d3a74e9fb3f9fcfe7f3f9ff826b76edc57f7d7df5f7c13e9d3a715fb3f9fcfe7f3f9ffafb3f9ffafb3f9fcfe7f3f9fcfe7f3f9"
    "fcfe7f3f80"
)

STILL = EncodedStream("h264", 5, ((_SPS, _PPS, _PICTURE), (_AGAIN,), (_AGAIN,), (_AGAIN,), (_AGAIN,)), (_SPS, _PPS))

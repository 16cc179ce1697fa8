"""What a camera says passes to FFmpeg only where it sends FFmpeg nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.picture.passing import ElsewhereError, Passing, StrangeError

OK = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
FRAME = b"$\x00\x00\x04abcd"
PLAYED = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1;timeout=60\r\n\r\n"
MOVED = b"RTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://root:pw@10.0.0.1:22/x\r\n\r\n"


@given(st.lists(st.integers(1, 60), max_size=8))
def test_answers_and_frames_pass_however_they_are_cut(cuts: list[int]) -> None:
    said = OK + PLAYED + FRAME * 3 + PLAYED
    passing, passed, at = Passing("192.168.1.31"), b"", 0
    for cut in [*cuts, len(said)]:
        passed += passing.feed(said[at : at + cut])
        at += cut
    assert passed == OK + PLAYED + FRAME * 3 + PLAYED


@pytest.mark.parametrize("status", [b"300", b"301", b"302", b"303", b"305", b"399"])
def test_who_sends_elsewhere_is_heard_no_more(status: bytes) -> None:
    passing = Passing("192.168.1.31")
    with pytest.raises(ElsewhereError, match=r"^rtsp://10\.0\.0\.1:22/x$"):  # and no password is told
        passing.feed(OK + MOVED.replace(b"302", status))


def test_a_camera_that_asks_to_be_left_is_left() -> None:
    asked = b"REDIRECT rtsp://192.168.1.31/1 RTSP/1.0\r\nCSeq: 7\r\nLocation: rtsp://10.0.0.1/x\r\n\r\n"
    with pytest.raises(ElsewhereError, match=r"10\.0\.0\.1"):
        Passing("192.168.1.31").feed(FRAME + asked)
    other = b"SET_PARAMETER rtsp://192.168.1.31/1 RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 3\r\n\r\nabc"
    assert Passing("192.168.1.31").feed(other + FRAME) == FRAME, "what it asks itself is not FFmpeg's to answer"


@pytest.mark.parametrize(
    ("camera", "said", "passed"),
    [
        ("192.168.1.31", "RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP;unicast;interleaved=0-1"),
        (
            "192.168.1.31",
            "RTP/AVP;unicast;source=10.0.0.1; Destination=10.0.0.2;client_port=4-5;server_port=6-7",
            "RTP/AVP;unicast;client_port=4-5;server_port=6-7;source=192.168.1.31",
        ),
        (
            "fd00::7",
            "RTP/AVP;source=fd00::9;client_port=4-5;server_port=6-7",
            "RTP/AVP;client_port=4-5;server_port=6-7",
        ),
    ],
)
def test_frames_come_from_the_camera_alone(camera: str, said: str, passed: str) -> None:
    answer = f"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: {said}\r\n\r\n".encode()
    assert f"\r\nTransport: {passed}\r\n".encode() in Passing(camera).feed(answer)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\nLocation: rtsp://10.0.0.1/\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n Location: rtsp://10.0.0.1/\r\n\r\n",
        b"RTSP/1.0 200 OK\nRTSP/1.0 302 X\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"RTSP/1.0 200 OK\r\nContent-Length: 70000\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP;multicast;destination=239.1.1.1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * 17_000,
    ],
)
def test_what_can_be_read_in_two_ways_is_not_passed(said: bytes) -> None:
    with pytest.raises(StrangeError):
        Passing("192.168.1.31").feed(said)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [OK, FRAME, MOVED, PLAYED, b"\r\n", b"\n", b"Location: rtsp://10.0.0.1/", b"RTSP/1.0 302 "]
            ),
        ),
        max_size=8,
    )
)
def test_whatever_it_says_no_line_that_redirects_passes(pieces: list[bytes]) -> None:
    passing, passed = Passing("192.168.1.31"), b""
    try:
        for piece in pieces:
            passed += passing.feed(piece)
    except (ElsewhereError, StrangeError):
        pass
    while passed:  # as FFmpeg would read it: frames by their length, answers line by line
        if passed[:1] == b"$":
            passed = passed[4 + int.from_bytes(passed[2:4], "big") :]
            continue
        head, _, passed = passed.partition(b"\r\n\r\n")
        lines = [line.strip().lower() for line in head.replace(b"\r", b"\n").split(b"\n")]
        assert not any(line.startswith((b"location", b"rtsp/1.0 3")) for line in lines)
        lengths = [int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length")]
        passed = passed[sum(lengths) :]

"""Reading and writing SIP: what RFC 3261 allows, what devices do to it, and any bytes at all."""

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sip.message import (
    BODY_MAX,
    HEAD_MAX,
    Framer,
    Request,
    Response,
    UnreadableError,
    Uri,
    answer,
    parameters,
    parse,
    uri_in,
    user_in,
)
from edge.sip.xml import Element, XmlError, decode, read_xml

WIRE = Path(__file__).parent / "wire"
FOLDED = (
    b"MESSAGE sip:alarm@10.0.0.1 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 10.0.0.9:5066;rport\r\n ;branch=z9hG4bK77, SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKx\r\n"
    b'f: "Hall, \xba\xbd" <sip:26317@10.0.0.9>;tag=1\r\nt: <sip:alarm@10.0.0.1>\r\n'
    b"i: a84b4c76e66710\r\nCSeq:  4711   MESSAGE\r\n"
    b"c: application/scaip+xml ; charset=utf-8\r\nl: 5\r\n\r\nhello, and more"
)


def test_compact_folded_listed_and_in_another_encoding() -> None:
    read = parse(FOLDED)
    assert isinstance(read, Request)
    assert (read.method, read.cseq, read.content_type, read.body) == (
        "MESSAGE",
        (4711, "MESSAGE"),
        "application/scaip+xml",
        b"hello",
    )
    assert read.branch == "z9hG4bK77"
    assert user_in(read.first("from")) == "26317"
    said = answer(read, 200, "OK", "t4g", ("10.0.0.9", 5067)).encode()
    assert b"Via: SIP/2.0/UDP 10.0.0.9:5066;branch=z9hG4bK77;received=10.0.0.9;rport=5067, SIP/2.0/UDP 10.1" in said
    assert b'From: "Hall, \xba\xbd" <sip:26317@10.0.0.9>;tag=1\r\n' in said
    assert b"To: <sip:alarm@10.0.0.1>;tag=t4g\r\n" in said
    assert b"Call-ID: a84b4c76e66710\r\nCSeq: 4711   MESSAGE\r\n" in said


@pytest.mark.parametrize("path", sorted(WIRE.glob("*.sip")), ids=lambda path: path.stem)
def test_what_other_programs_send(path: Path) -> None:
    read = parse(path.read_bytes())
    assert (read.first("call-id"), read.branch[:7]) != ("", "")
    if isinstance(read, Request):
        assert read.method == "REGISTER"
        assert user_in(read.first("to")) == "1001"
    else:
        assert (read.status, read.cseq[1]) == (200, "OPTIONS")


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        ("<sip:1001@192.168.1.7:5070;transport=tcp>;tag=1", Uri("1001", "192.168.1.7", 5070, "tcp")),
        ("sip:1001@[fd00::7]", Uri("1001", "fd00::7")),
        ('"A <b>" <sips:a.lan>', Uri("", "a.lan")),
        ("sip:user:secret@host", Uri("user", "host")),
        ("<tel:+4712345678>", None),
        ("<sip:a@b:99999>", None),
        ("", None),
    ],
)
def test_addresses(value: str, uri: Uri | None) -> None:
    assert uri_in(value) == uri


def test_parameters() -> None:
    assert parameters('<sip:a@b;lr>;expires=60;q="0.5"') == {"expires": "60", "q": "0.5"}
    assert parameters("SIP/2.0/UDP 10.0.0.9;rport;Branch=z9") == {"rport": "", "branch": "z9"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"CSeq:  4711   MESSAGE", b"CSeq: 4711 INVITE"), "another method"),
        ((b"CSeq:  4711   MESSAGE", b"CSeq: 99999999999 MESSAGE"), "CSeq"),
        ((b"l: 5", b"l: 500"), "should have 500"),
        ((b"l: 5", b"l: -5"), "no number"),
        ((b"i: a84", b"i:\x00a84"), "control character"),
        ((b"i: a84", b"i: a\r84"), "control character"),
        ((b"i: a84b4c76e66710\r\n", b""), "no call-id"),
        ((b" SIP/2.0\r\n", b" HTTP/1.1\r\n"), "none of SIP"),
        ((b"\r\n\r\n", b"\r\n"), "no end of its head"),
        ((b"c: a", b"no colon here\r\nc: a"), "no header"),
        ((b"c: a", b"x: " + b"y" * HEAD_MAX + b"\r\nc: a"), "no end of its head"),
        ((b"c: a", b"x: y\r\n" * 200 + b"c: a"), "more than 120"),
    ],
)
def test_what_is_refused(change: tuple[bytes, bytes], said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        parse(FOLDED.replace(change[0], change[1], 1))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=600) | st.integers(0, len(FOLDED)).map(lambda n: FOLDED[:n]))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read = parse(data)
    except UnreadableError:
        return
    assert isinstance(read, Request | Response)
    if isinstance(read, Request):
        answer(read, 400, "Bad", "t", ("10.0.0.1", 1)).encode()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FOLDED) - 1), st.binary(min_size=1, max_size=3))
def test_a_mangled_message_is_read_or_refused(at: int, put: bytes) -> None:
    try:
        read = parse(FOLDED[:at] + put + FOLDED[at + len(put) :])
    except UnreadableError:
        return
    assert isinstance(read, Request)
    again = parse(read.encode())  # what we write we can read
    assert again.headers[:-1] == [(k, v) for k, v in read.headers if k != "content-length"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 200), max_size=12))
def test_a_stream_is_cut_wherever_it_was_split(cuts: list[int]) -> None:
    whole = parse(FOLDED).encode()
    stream = b"\r\n\r\n" + whole + b"\r\n" + whole
    framer, got, at = Framer(), [], 0
    for size in [*cuts, len(stream)]:
        got += framer.feed(stream[at : at + size])
        at += size
    assert got == [whole, whole]


def test_a_stream_is_bounded() -> None:
    with pytest.raises(UnreadableError, match="no end of its head"):
        Framer().feed(b"x" * (HEAD_MAX + 1))
    with pytest.raises(UnreadableError, match="Content-Length"):
        Framer().feed(b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n")
    with pytest.raises(UnreadableError, match="Content-Length"):
        Framer().feed(f"OPTIONS sip:a SIP/2.0\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "document type"),
        (b"<a>" * 17 + b"</a>" * 17, "deep"),
        (b"<a>" + b"<b/>" * 20_001 + b"</a>", "more than 20000"),
        (b"<a>", "no element found"),
        (b"", "no element found"),
        (b"<a/>" + b" " * 300_000, "at most"),
    ],
)
def test_xml_that_is_not_read(data: bytes, said: str) -> None:
    with pytest.raises(XmlError, match=said):
        read_xml(data)


@pytest.mark.parametrize(
    "data",
    [
        '<?xml version="1.0" encoding="GB2312"?><a>警务室</a>'.encode("gb2312"),
        '<?xml version="1.0" encoding="GB2312"?><a>警务室</a>'.encode(),  # it lies
        '<?xml version="1.0" encoding="UTF-8"?><a>警务室</a>'.encode("gb18030"),  # and so does this
        '<?xml version="1.0"?>\r\n<n:a xmlns:n="urn:x"> 警务室 </n:a>'.encode(),
        "\ufeff<a>警务室</a>".encode(),
    ],
)
def test_chinese_as_devices_send_it(data: bytes) -> None:
    read = read_xml(data)
    assert (read.name, read.text) == ("a", "警务室")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_as_xml(data: bytes) -> None:
    decode(data)
    for each in (data, b"<a>" + data + b"</a>", b'<?xml version="1.0" encoding="' + data[:12] + b'"?><a/>'):
        with contextlib.suppress(XmlError):
            assert isinstance(read_xml(each), Element)


def test_a_body_that_comes_byte_by_byte_costs_little() -> None:
    head = "MESSAGE sip:a SIP/2.0\r\n" + "".join(f"X-{n}: {'x' * 100}\r\n" for n in range(110))
    head += "Content-Length: 20000\r\n\r\n"
    framer, began_s = Framer(), time.process_time()
    assert framer.feed(head.encode()) == []
    for _ in range(19_999):
        assert framer.feed(b"x") == []
    assert [len(each) for each in framer.feed(b"xOPTIONS")] == [len(head) + 20_000]
    assert time.process_time() - began_s < 0.5
    assert framer.feed(b" sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n") != []

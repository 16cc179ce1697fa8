"""SCAIP documents: a request `mrq` read, a response `mrs` written. Tags are those that public implementations use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.sip import XmlError, read_xml, write_xml

CONTENT_TYPE = "application/scaip+xml"
CONTENT_TYPES = (CONTENT_TYPE, "application/xml", "text/xml")
_CODE_MAX = 16


class Kind(StrEnum):
    """`mty`: what a message is for."""

    MESSAGE = "ME"
    RESET = "RE"
    INFORMATION = "IN"
    HEARTBEAT = "PI"


class Status(StrEnum):
    """`snu`: what became of a message."""

    OK = "0"
    TOO_LONG = "1"
    INVALID_FORMAT = "2"
    WRONG_CONTENT = "3"
    NOT_TREATED = "5"
    TAG_MISSING = "7"


class DocumentError(ValueError):
    """A body that is no `mrq`; `status` is what the device is told, `ref` its reference where that could be read."""

    def __init__(self, text: str, status: Status, ref: str = "") -> None:
        super().__init__(text)
        self.status, self.ref = status, ref


@dataclass(slots=True, frozen=True)
class Mrq:
    """One message of a terminal. Numbers are compared as numbers: devices write `10`, `010` and `0010`."""

    ref: str
    controller: str
    device_type: int
    kind: Kind
    status: int | None
    device: str = ""
    component: int | None = None
    location: int | None = None
    call: str = ""  # `crd`: how it will call, as `gsm:+47…` or `no-voice:`
    priority: int | None = None


def read_mrq(body: bytes) -> Mrq:
    """Raises DocumentError."""
    try:
        root = read_xml(body)
    except XmlError as error:
        raise DocumentError(str(error), Status.INVALID_FORMAT) from error
    if root.name != "mrq":
        raise DocumentError("its root is not mrq", Status.INVALID_FORMAT)
    ref = root.said("ref")[:64]
    for needed in ("ref", "cid", "dty"):
        if not root.said(needed):
            raise DocumentError(f"<{needed}> is missing", Status.TAG_MISSING, ref)
    kind = root.said("mty").upper() or Kind.MESSAGE
    device_type = _number(root.said("dty"))
    if kind not in set(Kind) or device_type is None:
        raise DocumentError("<mty> or <dty> has a value that we do not know", Status.WRONG_CONTENT, ref)
    return Mrq(
        ref=ref,
        controller=root.said("cid")[:64],
        device_type=device_type,
        kind=Kind(kind),
        status=_number(root.said("stc")),
        device=root.said("did")[:64],
        component=_number(root.said("dco")),
        location=_number(root.said("lco")),
        call=root.said("crd")[:64],
        priority=_number(root.said("pri")),
    )


def write_mrs(ref: str, status: Status) -> bytes:
    """Our answer. `mre` 0: no voice call is expected by us."""
    return write_xml("mrs", [("ref", ref), ("snu", status), ("mre", "0")])


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _CODE_MAX else None

"""SOAP 1.2 envelopes of ONVIF: made with a UsernameToken digest (WS-Security), read without entities and bounded."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime

from edge.sip.xml import Element, XmlError, escape, read_xml

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
SEARCH = "http://www.onvif.org/ver10/search/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
TYPES = "http://www.onvif.org/ver10/schema"

_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"


class Fault(Exception):
    """The device refuses a request. `code`: the innermost of its codes without prefix, as `NotAuthorized`."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code, self.text = code, text

    @property
    def is_refusal(self) -> bool:
        """Of the user or password."""
        return self.code in ("NotAuthorized", "FailedAuthentication", "SenderNotAuthorized", "InvalidSecurity")


class NotSoapError(ValueError):
    """An answer that is no SOAP; the message says why."""


def envelope(request: str, namespace: str, inside: str, token: str) -> bytes:
    """A request with its body's `inside` (XML, made by us) and a header's `token` (of `username_token`, or empty)."""
    head = f"<s:Header>{token}</s:Header>" if token else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_ENVELOPE}">{head}'
        f'<s:Body><{request} xmlns="{namespace}" xmlns:tt="{TYPES}">{inside}</{request}></s:Body></s:Envelope>'
    ).encode()


def username_token(user: str, password: str, created_ms: int, nonce: bytes | None = None) -> str:
    """WS-Security UsernameToken 1.0 with PasswordDigest = Base64(SHA-1(nonce + created + password)). `created_ms` is an
    instant of the *device's* clock: most refuse a token that is minutes off theirs."""
    nonce = nonce or secrets.token_bytes(16)
    created = datetime.fromtimestamp(created_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # SHA-1 is what the profile knows; it is theirs to choose.
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    encoding = f"{_WSS}soap-message-security-1.0#Base64Binary"
    return (
        f'<Security xmlns="{_WSS}wssecurity-secext-1.0.xsd" s:mustUnderstand="1"><UsernameToken>'
        f"<Username>{escape(user)}</Username>"
        f'<Password Type="{_WSS}username-token-profile-1.0#PasswordDigest">{_base64(digest)}</Password>'
        f'<Nonce EncodingType="{encoding}">{_base64(nonce)}</Nonce>'
        f'<Created xmlns="{_WSS}wssecurity-utility-1.0.xsd">{created}</Created></UsernameToken></Security>'
    )


def response_of(data: bytes, request: str) -> Element:
    """The response to a request. Raises Fault, NotSoapError."""
    try:
        root = read_xml(data)
    except XmlError as error:
        raise NotSoapError(str(error)) from error
    body = root.find("Body")
    if root.name != "Envelope" or body is None or not body.inside:
        raise NotSoapError(f"a document {root.name[:40]!r} without a body")
    said = body.inside[0]
    if said.name == "Fault":
        raise _fault_of(said)
    if said.name != f"{request}Response":
        raise NotSoapError(f"{said.name[:60]} to {request}")
    return said


def _fault_of(fault: Element) -> Fault:
    code = ""
    inner = fault.find("Code")
    while inner is not None:
        code = inner.said("Value") or code
        inner = inner.find("Subcode")
    reason = fault.find("Reason")
    text = reason.said("Text") if reason is not None else fault.said("faultstring")
    return Fault((code or fault.said("faultcode") or "Fault").rpartition(":")[2][:60], text[:120])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

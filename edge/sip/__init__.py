"""SIP as far as watching needs it (RFC 3261): messages, digest, transactions, one port shared by all drivers."""

from edge.sip.asking import Questions, ask_over_tcp, shared_questions
from edge.sip.digest import Digest, Verdict
from edge.sip.gate import Gate
from edge.sip.message import Request, Response, UnreadableError, Uri, parse, uri_in, user_in
from edge.sip.port import Answerer, Received, SipPort, join_all, shared_port
from edge.sip.transactions import Peer, make_request
from edge.sip.xml import Element, XmlError, read_xml, write_xml

__all__ = [
    "Answerer",
    "Digest",
    "Element",
    "Gate",
    "Peer",
    "Questions",
    "Received",
    "Request",
    "Response",
    "SipPort",
    "UnreadableError",
    "Uri",
    "Verdict",
    "XmlError",
    "ask_over_tcp",
    "join_all",
    "make_request",
    "parse",
    "read_xml",
    "shared_port",
    "shared_questions",
    "uri_in",
    "user_in",
    "write_xml",
]

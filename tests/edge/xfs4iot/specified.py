"""What the specification of XFS4IoT says of the messages that are asked and heard, as JSON Schema.

Names, words and versions are those that two implementations of other hands hold to: KAL's SP-Dev framework (MIT), whose
classes are generated from the specification, and a client that is pinned to the specification's own schema of 2024-03.
"""

from typing import Any

import jsonschema

Schema = dict[str, Any]

DEVICE = (
    "online", "offline", "powerOff", "noDevice", "hardwareError", "userError", "deviceBusy", "fraudAttempt",
    "potentialFraud", "starting",
)  # fmt: skip
POSITION = ("inPosition", "notInPosition", "unknown")
UNITS = ("ok", "attention", "stop", "unknown")
SWITCH = ("run", "maintenance", "supervisor")
DOOR = ("closed", "open", "locked", "bolted", "tampered")
SENSOR = ("on", "off")
PAPER = ("full", "low", "out", "jammed", "unknown", "notSupported")
MEDIA = ("present", "notPresent", "jammed", "entering", "retracted", "unknown", "notSupported")
STACKER = ("empty", "notEmpty", "notEmptyCustomer", "notEmptyUnknown", "unknown", "notSupported")
UNIT = ("ok", "inoperative", "missing", "notConfigured", "manipulated")
REPLENISHMENT = ("ok", "full", "high", "low", "empty")
COMPLETION = (
    "commandErrorCode", "canceled", "deviceNotReady", "hardwareError", "internalError", "invalidCommand",
    "invalidRequestID", "timeOut", "unsupportedCommand", "invalidData", "userError", "unsupportedData", "fraudAttempt",
    "sequenceError", "authorisationRequired", "noCommandNonce", "invalidToken", "invalidTokenNonce",
    "invalidTokenHMAC", "invalidTokenFormat", "invalidTokenKeyNoValue", "notEnoughSpace",
)  # fmt: skip
ACKNOWLEDGE = ("invalidMessage", "invalidRequestID", "tooManyRequests")
UNIT_NAME = "^unit[0-9A-Za-z]+$"
PAPER_SOURCE = "^[a-zA-Z]([a-zA-Z0-9]*)$"


def word(words: tuple[str, ...]) -> Schema:
    """One of the words, or null: it does not apply."""
    return {"enum": [*words, None]}


def part(**properties: Schema) -> Schema:
    """An object of which we know these; a service may say more."""
    return {"type": ["object", "null"], "properties": properties}


_UNIT: Schema = part(
    id={"type": ["string", "null"], "pattern": "^.{1,5}$"},
    positionName={"type": ["string", "null"]},
    capacity={"type": ["integer", "null"], "minimum": 0},
    status=word(UNIT),
    serialNumber={"type": ["string", "null"]},
    cash=part(
        capabilities=part(types=part(cashIn={"type": "boolean"}, cashOut={"type": "boolean"})),
        configuration=part(currency={"type": ["string", "null"], "pattern": "^[A-Z]{3}$"}),
        status=part(index={"type": ["integer", "null"], "minimum": 1}, replenishmentStatus=word(REPLENISHMENT)),
    ),
)
_UNITS: Schema = {"type": "object", "patternProperties": {UNIT_NAME: _UNIT}, "additionalProperties": False}
_STATUS: Schema = part(
    common=part(device=word(DEVICE), devicePosition=word(POSITION)),
    cashDispenser=part(intermediateStacker=word(STACKER), positions={"type": ["array", "null"]}),
    cashManagement=part(dispenser=word(UNITS), acceptor=word(UNITS)),
    printer=part(
        media=word(MEDIA),
        paper={"type": "object", "patternProperties": {PAPER_SOURCE: word(PAPER)}, "additionalProperties": False},
    ),
    auxiliaries=part(operatorSwitch=word(SWITCH), safeDoor=word(DOOR), tamperSensor=word(SENSOR)),
)
PAYLOADS: dict[tuple[str, str], Schema] = {
    ("completion", "ServicePublisher.GetServices"): {
        "type": "object",
        "required": ["vendorName"],
        "properties": {
            "vendorName": {"type": "string"},
            "services": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["serviceURI"],
                    "properties": {"serviceURI": {"type": "string", "pattern": "^wss?://[^/]+/xfs4iot/v1.0/"}},
                },
            },
        },
    },
    ("completion", "Common.Status"): {**_STATUS, "required": ["common"]},
    ("unsolicited", "Common.StatusChangedEvent"): _STATUS,
    ("completion", "Storage.GetStorage"): {"type": "object", "properties": {"storage": _UNITS}},
    ("unsolicited", "Storage.StorageChangedEvent"): _UNITS,
    ("unsolicited", "Printer.PaperThresholdEvent"): {
        "type": "object",
        "properties": {
            "paperSource": {"type": "string", "pattern": PAPER_SOURCE},
            "threshold": {"enum": ["full", "low", "out"]},
        },
    },
}
_HEADERS: dict[str, dict[str, Schema]] = {  # what a header may have besides, by its type
    "command": {"requestId": {"type": "integer", "minimum": 1}, "timeout": {"type": "integer", "minimum": 0}},
    "acknowledge": {"requestId": {"type": "integer", "minimum": 1}, "status": word(ACKNOWLEDGE)},
    "completion": {"requestId": {"type": "integer", "minimum": 1}, "completionCode": word(COMPLETION)},
    "unsolicited": {},
}


def check(message: dict[str, Any]) -> None:
    """Raises jsonschema.ValidationError where a message of 2023 or later is not as specified."""
    more = _HEADERS[message["header"]["type"]]
    header = {
        "type": "object",
        "required": ["type", "name", "version", *({"requestId"} & set(more))],
        "properties": {
            "type": {"enum": list(_HEADERS)},
            "name": {"type": "string", "pattern": r"^[A-Z][A-Za-z]+\.[A-Z][A-Za-z]+$"},
            "version": {"type": "string", "pattern": r"^[1-9][0-9]*\.([1-9][0-9]*|0)$"},
            **more,
        },
        "additionalProperties": False,
    }
    jsonschema.validate(message["header"], header)
    kind, name = message["header"]["type"], message["header"]["name"]
    if kind == "completion" and message["header"].get("completionCode") is not None:
        return
    # Our three questions, and what acknowledges them, have no payload.
    payload = {"type": "null"} if kind in ("command", "acknowledge") else PAYLOADS[kind, name]
    jsonschema.validate(message.get("payload"), payload)

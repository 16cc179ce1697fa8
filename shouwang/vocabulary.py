"""Closed vocabularies of the house: conditions, severities, causes and what stands beside them (see docs/concepts)."""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    """What a device is, as far as we know."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"  # the agent says so
    SILENT = "silent"  # nothing heard of it within its limit, while its path is heard
    UNKNOWN = "unknown"  # its path is not heard, or it was never heard

    @property
    def is_lost(self) -> bool:
        return self is Condition.DOWN or self is Condition.SILENT


class Severity(StrEnum):
    """Gravest first."""

    EMERGENCY = "emergency"
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"

    @property
    def rank(self) -> int:
        """0 is the gravest."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Cause(StrEnum):
    """Why an incident is open."""

    DEVICE_SILENT = "device_silent"
    DEVICE_DOWN = "device_down"
    DEVICE_DEGRADED = "device_degraded"
    CENTRE_OFFLINE = "centre_offline"
    AREA_OUTAGE = "area_outage"
    COLLECTOR_DEAF = "collector_deaf"
    HELP_CALL = "help_call"
    DEVICES_LOST_TOGETHER = "devices_lost_together"
    FEED_OFFLINE = "feed_offline"
    IDENTITY_CONFLICT = "identity_conflict"
    CANNOT_RECORD = "cannot_record"
    STORE_FAILING = "store_failing"


class NotificationType(StrEnum):
    """`type` of a webhook, without its `incident.`"""

    OPENED = "opened"
    UPDATED = "updated"
    MERGED = "merged"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class CentreType(StrEnum):
    CENTRE = "centre"
    STATION = "station"
    VEHICLE = "vehicle"
    DEPUTY = "deputy"  # 代办员


class CentreStage(StrEnum):
    """Only `live` centres alarm."""

    PLANNED = "planned"
    BUILDING = "building"
    LIVE = "live"
    RETIRED = "retired"


class Net(StrEnum):
    """五张网: managers read their reports by net."""

    INTERNET = "internet"
    SOCIAL_SERVICE = "social_service"
    FINANCE = "finance"
    GENERAL_SERVICE = "general_service"
    PUBLIC_SAFETY = "public_safety"


class Room(StrEnum):
    """Where in a centre a device stands."""

    SERVICE_HALL = "service_hall"
    PARTY_ROOM = "party_room"
    DISTANCE_EDUCATION = "distance_education"
    LIBRARY = "library"
    POLICE_ROOM = "police_room"
    CLINIC = "clinic"
    CULTURE_ROOM = "culture_room"
    FAMILY_PLANNING = "family_planning"
    SCIENCE_SCHOOL = "science_school"
    FINANCE_POINT = "finance_point"
    ELDERLY_HOME = "elderly_home"
    CHILDRENS_HOME = "childrens_home"
    DAY_CARE = "day_care"
    SHOP = "shop"
    SQUARE = "square"
    HOUSEHOLD = "household"


class Role(StrEnum):
    VIEWER = "viewer"
    TECHNICIAN = "technician"
    DUTY_OFFICER = "duty_officer"
    ADMINISTRATOR = "administrator"


class Driver(StrEnum):
    """Names of probes and receivers: folder or file names in `edge/probes/`."""

    ICMP = "icmp"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    DNS = "dns"
    RTSP = "rtsp"
    ONVIF = "onvif"
    SIP = "sip"
    SCAIP = "scaip"
    GBT28181 = "gbt28181"
    SNMP = "snmp"
    NUT = "nut"
    NTP = "ntp"
    ISO8583 = "iso8583"
    XFS4IOT = "xfs4iot"
    MODBUS = "modbus"
    MQTT = "mqtt"
    HOST = "host"

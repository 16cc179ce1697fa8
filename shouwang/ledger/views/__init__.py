"""What the ledger is read through: plain dicts exactly as REST gives them, each read within a `Scope`.

Every function takes an open connection first, so that several answers come from one snapshot. Instants in the answers
are RFC 3339 UTC; `now_ms` is the present, Unix epoch milliseconds.
"""

from shouwang.ledger.views.agents import agents
from shouwang.ledger.views.asides import UNREGISTERED, asides, unregistered
from shouwang.ledger.views.centres import (
    CENTRE_CONDITIONS,
    PATH_STATES,
    centre,
    centre_codes,
    centres,
    counts_by_centre,
    feeds,
)
from shouwang.ledger.views.changes import CHANGES_AT_ONCE, Changed, change_ids, changes, newest_change
from shouwang.ledger.views.devices import DEVICE_CONDITIONS, device, devices
from shouwang.ledger.views.figures import aside_counts, owed
from shouwang.ledger.views.history import transitions
from shouwang.ledger.views.incidents import incident_view, incidents, notifications
from shouwang.ledger.views.paging import LIMIT_DEFAULT, LIMIT_MAX, BadCursor
from shouwang.ledger.views.scope import HOUSE, Scope
from shouwang.ledger.views.summary import HEARD_WELL_WITHIN_MS, deafness, summary, townships
from shouwang.ledger.views.windows import maintenance, window_dict

__all__ = [
    "CENTRE_CONDITIONS",
    "CHANGES_AT_ONCE",
    "DEVICE_CONDITIONS",
    "HEARD_WELL_WITHIN_MS",
    "HOUSE",
    "LIMIT_DEFAULT",
    "LIMIT_MAX",
    "PATH_STATES",
    "UNREGISTERED",
    "BadCursor",
    "Changed",
    "Scope",
    "agents",
    "aside_counts",
    "asides",
    "centre",
    "centre_codes",
    "centres",
    "change_ids",
    "changes",
    "counts_by_centre",
    "deafness",
    "device",
    "devices",
    "feeds",
    "incident_view",
    "incidents",
    "maintenance",
    "newest_change",
    "notifications",
    "owed",
    "summary",
    "townships",
    "transitions",
    "unregistered",
    "window_dict",
]

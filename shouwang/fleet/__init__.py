"""The fleet file: which devices are watched, where, and how; a row a device, as CSV, XLSX or JSON.

`parse` gives rows and every error at once; `as_csv`, `as_xlsx` and `as_json` write what `parse` reads back.
"""

from shouwang.fleet.check import Parsed, parse
from shouwang.fleet.row import FleetError, FleetRow
from shouwang.fleet.write import FORMATS, as_csv, as_json, as_xlsx

__all__ = ["FORMATS", "FleetError", "FleetRow", "Parsed", "as_csv", "as_json", "as_xlsx", "parse"]

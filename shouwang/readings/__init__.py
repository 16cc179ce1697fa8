"""What was measured: InfluxDB, or the embedded store (`open_store`). One contract, `ReadingStore`."""

from shouwang.readings.opening import open_store
from shouwang.readings.store import Mean, Point, ReadingStore, Refused, Retention, Stored, StoreUnavailable

__all__ = ["Mean", "Point", "ReadingStore", "Refused", "Retention", "StoreUnavailable", "Stored", "open_store"]

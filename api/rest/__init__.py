"""REST under `/api/v1`."""

from fastapi import APIRouter

from api import stream
from api.rest import availability, devices, fleet, incidents, maintenance, notify, over_time, places, upgrades

router = APIRouter(prefix="/api/v1")
for part in (places, devices, fleet, availability, over_time, incidents, maintenance, notify, upgrades, stream):
    router.include_router(part.router)

__all__ = ["router"]

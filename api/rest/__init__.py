"""REST under `/api/v1`."""

from fastapi import APIRouter

from api import stream
from api.rest import availability, devices, fleet, incidents, maintenance, notify, places

router = APIRouter(prefix="/api/v1")
for part in (places, devices, fleet, availability, incidents, maintenance, notify, stream):
    router.include_router(part.router)

__all__ = ["router"]

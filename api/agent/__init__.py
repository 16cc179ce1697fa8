"""What agents and new boxes ask for themselves, under `/agent/v1`: people and programs have REST."""

from fastapi import APIRouter

from api.agent import enrolling, offering

router = APIRouter(prefix="/agent/v1", include_in_schema=False)
for part in (enrolling, offering):
    router.include_router(part.router)

__all__ = ["router"]

"""A device is added from the page after it was tried from here."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()

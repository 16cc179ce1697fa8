"""An InfluxDB that nobody has set up yet: its organisation, its first user and its admin token are made, once."""

from __future__ import annotations

from typing import Any

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.domain.onboarding_request import OnboardingRequest
from influxdb_client.service.setup_service import SetupService

from shouwang.readings.connection import client, reason_of
from shouwang.readings.store import StoreUnavailable

FIRST_USER = "admin"
_SETUP: Any = SetupService  # the client declares no types
_REQUEST: Any = OnboardingRequest


def begin(url: str, admin_token: str, *, org: str, bucket: str, password: str) -> bool:
    """Sets a new InfluxDB up, so that `admin_token` may do everything in `org`; False, and nothing done, where that was
    done before. Raises StoreUnavailable."""
    opened = client(url, org, "")
    try:
        setup = _SETUP(opened.api_client)
        if not setup.get_setup().allowed:
            return False
        setup.post_setup(
            onboarding_request=_REQUEST(
                username=FIRST_USER, password=password, org=org, bucket=bucket, token=admin_token
            )
        )
    except InfluxDBError as error:
        raise StoreUnavailable(f"InfluxDB at {url} was not set up: {reason_of(error)}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"InfluxDB at {url} does not answer: {error}") from error
    finally:
        opened.close()
    return True

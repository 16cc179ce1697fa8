"""What `shouwang setup influxdb` does: buckets with their retention, and a token each for who writes and who reads.

Done again it changes what differs and makes what is missing, no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.domain.authorization import Authorization
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource

from shouwang.readings.connection import client, reason_of
from shouwang.readings.influx_hours import hourly_bucket
from shouwang.readings.store import Retention, StoreUnavailable

RECORDER = "shouwang recorder"
READER = "shouwang reader"
_DAY_S = 86_400
_RULE: Any = BucketRetentionRules  # the client declares no types
_PERMISSION: Any = Permission
_RESOURCE: Any = PermissionResource
_AUTHORIZATION: Any = Authorization


@dataclass(slots=True)
class SetUp:
    """What was done, in words, and the tokens that were made: InfluxDB shows them now and never again."""

    done: list[str] = field(default_factory=list)
    recorder_token: str | None = None  # writes and reads both buckets (it reads what it sums up)
    reader_token: str | None = None  # reads both: for the API and Grafana


def setup_influxdb(
    url: str,
    admin_token: str,
    *,
    org: str,
    bucket: str,
    retention: Retention,
    renew_tokens: bool = False,
    dry_run: bool = False,
) -> SetUp:
    """Needs a token that may make buckets and tokens in `org`, which must exist. A token that exists is left, unless
    `renew_tokens`: then the old one stops working. `dry_run`: says what would be done, and does nothing. Raises
    StoreUnavailable."""
    opened = client(url, org, admin_token)
    try:
        return _set_up(opened, org, bucket, retention, renew_tokens, dry_run)
    except InfluxDBError as error:
        raise StoreUnavailable(f"InfluxDB at {url}: {reason_of(error)}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"InfluxDB at {url} does not answer: {error}") from error
    finally:
        opened.close()


def _set_up(opened: Any, org: str, bucket: str, retention: Retention, renew_tokens: bool, dry_run: bool) -> SetUp:
    result = SetUp()
    organisations = opened.organizations_api().find_organizations(org=org)
    if not organisations:
        raise StoreUnavailable(f"InfluxDB has no organisation {org!r} that this token may use")
    org_id = str(organisations[0].id)
    ids = [
        _bucket(opened, org, name, days, result, dry_run)
        for name, days in ((bucket, retention.raw_days), (hourly_bucket(bucket), retention.hourly_days))
    ]
    for description, actions in ((f"{RECORDER} {bucket}", ("read", "write")), (f"{READER} {bucket}", ("read",))):
        token = _token(opened, org_id, description, ids, actions, renew_tokens, result, dry_run)
        if len(actions) == 2:
            result.recorder_token = token
        else:
            result.reader_token = token
    return result


def _bucket(opened: Any, org: str, name: str, days: int, result: SetUp, dry_run: bool) -> str:
    """Gives its id; an empty one where it would be made."""
    rule = _RULE(type="expire", every_seconds=days * _DAY_S)
    buckets = opened.buckets_api()
    found = buckets.find_bucket_by_name(name)
    if found is None and dry_run:
        result.done.append(f"would make bucket {name}, which keeps {days} days")
        return ""
    if found is None:
        made = buckets.create_bucket(bucket_name=name, retention_rules=[rule], org=org)
        result.done.append(f"made bucket {name}, which keeps {days} days")
        return str(made.id)
    if [each.every_seconds for each in found.retention_rules] != [days * _DAY_S]:
        if not dry_run:
            found.retention_rules = [rule]
            buckets.update_bucket(bucket=found)
        result.done.append(f"bucket {name} {'would keep' if dry_run else 'keeps'} {days} days from now on")
    return str(found.id)


def _token(
    opened: Any,
    org_id: str,
    description: str,
    buckets: list[str],
    actions: tuple[str, ...],
    renew: bool,
    result: SetUp,
    dry_run: bool,
) -> str | None:
    tokens = opened.authorizations_api()
    present = [each for each in tokens.find_authorizations(org_id=org_id) if each.description == description]
    usable = [each for each in present if each.status == "active" and _covers(each, buckets, actions)]
    if usable and not renew:
        return None
    if dry_run:
        result.done.append(f"would make the token {description!r}" + (", and end the old one" if present else ""))
        return None
    permissions = [
        _PERMISSION(action=action, resource=_RESOURCE(type="buckets", id=bucket, org_id=org_id))
        for bucket in buckets
        for action in actions
    ]
    made = tokens.create_authorization(
        authorization=_AUTHORIZATION(org_id=org_id, description=description, permissions=permissions)
    )
    for each in present:
        tokens.delete_authorization(each)
    result.done.append(f"made the token {description!r}" + (", the old one is void" if present else ""))
    return str(made.token)


def _covers(authorization: Any, buckets: list[str], actions: tuple[str, ...]) -> bool:
    granted = {(each.action, each.resource.id) for each in authorization.permissions}
    return granted >= {(action, bucket) for action in actions for bucket in buckets}

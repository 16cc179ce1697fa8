"""Grafana's API by grafana-client, which stands in a folder of its own (tools/bootstrap.py says why)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboards.alerts.rules import MARK
from dashboards.grafana.differing import REDACTED
from dashboards.grafana.things import Sort, Thing
from dashboards.places import ALERTS
from shouwang.trouble import Trouble

OLDEST = 11
"""The major version from which on everything here works."""
TIMEOUT_S = 15.0
FOLDER = Path(sys.prefix) / "grafana"


def client_package() -> Any:
    """The package; behind everything else on the path, so that nothing it brings takes another's place.

    Raises Trouble where it is not installed.
    """
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    try:
        return importlib.import_module("grafana_client")
    except ImportError as error:
        raise Trouble(
            f"grafana-client is not in {FOLDER}: `python3 tools/bootstrap.py run` puts it there ({error})"
        ) from error


class Grafana:
    """One that is there. `token`: of a service account that may edit folders, data sources and alerting (Admin)."""

    def __init__(self, url: str, token: str) -> None:
        package = client_package()
        self.url = url.rstrip("/")
        # without the stroke at its end the client would put a path of the address and its own together as one word
        self._api = package.GrafanaApi.from_url(f"{self.url}/", credential=token, timeout=TIMEOUT_S)
        self._errors = importlib.import_module("grafana_client.client")

    def version(self) -> str:
        """What it says of itself. Raises Trouble for one that is too old."""
        with self._said("health"):
            version = str(self._api.client.GET("/health").get("version") or "")
        major = version.partition(".")[0]
        if not major.isdigit() or int(major) < OLDEST:
            raise Trouble(f"Grafana at {self.url} is {version or 'of no version'}: {OLDEST} or newer is needed")
        return version

    def read(self, thing: Thing) -> dict[str, Any] | None:
        """What stands there, in the shape of the thing's body; None where there is none. Raises Trouble."""
        with self._said(f"{thing.sort} {thing.name}"):
            try:
                return self._read(thing)
            except self._errors.GrafanaClientError as error:
                if error.status_code == 404:
                    return None
                raise

    def write(self, thing: Thing, present: Mapping[str, Any] | None) -> None:
        """Makes it as it ought to be; `present` as `read` gave it. Raises Trouble."""
        with self._said(f"{thing.sort} {thing.name}"):
            self._write(thing, present)

    def close(self) -> None:
        """Lets go of its connections."""
        self._api.client.s.close()

    def _read(self, thing: Thing) -> dict[str, Any] | None:
        alerting = self._api.alertingprovisioning
        match thing.sort:
            case Sort.FOLDER:
                return dict(self._api.folder.get_folder(thing.name))
            case Sort.SOURCE:
                found = dict(self._api.datasource.get_datasource_by_uid(thing.name))
                there = [name for name, is_set in (found.get("secureJsonFields") or {}).items() if is_set]
                return {**found, "secrets": dict.fromkeys(there, REDACTED)}
            case Sort.DASHBOARD:
                found = self._api.dashboard.get_dashboard(thing.name)
                return {"folderUid": found["meta"].get("folderUid", ""), "dashboard": found["dashboard"]}
            case Sort.TEMPLATE:
                return {"template": alerting.get_template(thing.name)["template"].strip()}
            case Sort.CONTACT:
                points = alerting.get_contactpoints(name=thing.body["name"])
                return next((dict(each) for each in points if each.get("uid") == thing.name), None)
            case Sort.POLICY:
                tree = alerting.get_notification_policy_tree()
                return next((dict(each) for each in tree.get("routes") or () if is_ours(each)), None)
            case Sort.RULES:
                return dict(alerting.get_rule_group(ALERTS.uid, thing.name))

    def _write(self, thing: Thing, present: Mapping[str, Any] | None) -> None:
        alerting = self._api.alertingprovisioning
        body = dict(thing.body)
        match thing.sort:
            case Sort.FOLDER if present is None:
                self._api.folder.create_folder(body["title"], uid=thing.name)
            case Sort.FOLDER:
                self._api.folder.update_folder(thing.name, title=body["title"], overwrite=True)
            case Sort.SOURCE:
                body["secureJsonData"] = body.pop("secrets")
                body["isDefault"] = bool(present and present.get("isDefault"))  # theirs to say
                if present is None:
                    self._api.datasource.create_datasource(body)
                else:
                    self._api.datasource.update_datasource_by_uid(thing.name, body)
            case Sort.DASHBOARD:
                self._api.dashboard.update_dashboard({**body, "overwrite": True, "message": "shouwang dashboards push"})
            case Sort.TEMPLATE:
                alerting.create_or_update_template(thing.name, body, disable_provenance=True)
            case Sort.CONTACT if present is None:
                alerting.create_contactpoint(body, disable_provenance=True)
            case Sort.CONTACT:
                alerting.update_contactpoint(thing.name, body, disable_provenance=True)
            case Sort.POLICY:
                tree = alerting.get_notification_policy_tree()
                alerting.set_notification_policy_tree(with_branch(tree, body), disable_provenance=True)
            case Sort.RULES:
                alerting.update_rule_group(ALERTS.uid, thing.name, body, disable_provenance=True)

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """What went wrong, in a sentence."""
        errors = self._errors
        try:
            yield
        except errors.GrafanaUnauthorizedError as error:
            raise Trouble(f"Grafana at {self.url} refuses the token (401): is it one of a service account?") from error
        except errors.GrafanaClientError as error:
            more = ": the service account needs the role Admin" if error.status_code == 403 else ""
            raise Trouble(f"Grafana at {self.url}, {what}: {error.message}{more}") from error
        except errors.GrafanaException as error:
            raise Trouble(f"Grafana at {self.url}, {what}: {error.message or 'no answer in time'}") from error
        except (OSError, ValueError) as error:  # the client's library: no connection; no JSON
            raise Trouble(f"Grafana at {self.url} does not answer: {str(error)[:300]}") from error


def is_ours(branch: Mapping[str, Any]) -> bool:
    """Whether a branch of the policy tree is the one that takes our alerts."""
    return [MARK[0], "=", MARK[1]] in (branch.get("object_matchers") or [])


def with_branch(tree: Mapping[str, Any], branch: Mapping[str, Any]) -> dict[str, Any]:
    """The policy tree with our branch in the place where it was, else before all others; these stay as they are."""
    routes = list(tree.get("routes") or [])
    at = next((number for number, each in enumerate(routes) if is_ours(each)), None)
    if at is None:
        routes.insert(0, branch)
    else:
        routes[at] = branch
    return {**{key: value for key, value in tree.items() if key != "provenance"}, "routes": routes}

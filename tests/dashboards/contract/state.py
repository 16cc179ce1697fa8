"""What a Grafana would keep, and how it answers: by operation, a function of the path, the body and what is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Answer = tuple[int, Any]
REDACTED = "[REDACTED]"
SECRETS = {"webhook": ("authorization_credentials",), "wecom": ("url",), "dingding": ("url",), "email": ()}
_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def duration(text: str) -> str:
    """As Prometheus, and so Grafana, gives it back: `120s` is `2m`."""
    seconds = sum(int(number) * dict(_UNITS)[unit] for number, unit in re.findall(r"(\d+)([wdhms])", text))
    said = ""
    for unit, size in _UNITS:
        if seconds >= size and (unit not in "wd" or seconds % size == 0):
            said += f"{seconds // size}{unit}"
            seconds %= size
    return said or "0s"


class Kept:
    """Everything, by kind and uid. `writes` counts what has changed something."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.board_folders: dict[str, str] = {}
        self.points: dict[str, dict[str, Any]] = {}
        self.templates: dict[str, str] = {}
        self.groups: dict[tuple[str, str], dict[str, Any]] = {}
        self.policy: dict[str, Any] = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}
        self.writes: list[str] = []

    def answer(self, operation: str, path: dict[str, str], body: Any) -> Answer:
        """What the operation gives: a status and a body."""
        act: Callable[[dict[str, str], Any], Answer] = getattr(self, f"_{operation}")
        status, given = act(path, deepcopy(body))
        if operation[:3].lower() != "get" and status < 300:
            self.writes.append(operation)
        return status, deepcopy(given)

    def _getHealth(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        return 200, {"database": "ok", "version": "12.4.0", "commit": "contract"}

    def _createFolder(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with that uid exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "version": 1, **body}
        return 200, self.folders[body["uid"]]

    def _getFolderByUID(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        found = self.folders.get(path["folder_uid"])
        return (200, found) if found else (404, {"message": "folder not found"})

    def _updateFolder(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        found = self.folders.get(path["folder_uid"])
        if not found:
            return 404, {"message": "folder not found"}
        if not body.get("overwrite") and body.get("version") != found["version"]:
            return 409, {"message": "the folder has been changed by someone else"}
        found.update(title=body["title"], version=found["version"] + 1)
        return 200, found

    def _addDataSource(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if body["uid"] in self.sources or any(each["name"] == body["name"] for each in self.sources.values()):
            return 409, {"message": "data source with the same name or uid already exists"}
        return 200, self._keep_source(body)

    def _updateDataSourceByUID(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if path["uid"] not in self.sources:
            return 403, {"message": "data source not found"}
        return 200, self._keep_source({"uid": path["uid"], **body})

    def _keep_source(self, body: dict[str, Any]) -> dict[str, Any]:
        secrets = self.secrets.setdefault(body["uid"], {})
        secrets.update(body.pop("secureJsonData", None) or {})
        before = self.sources.get(body["uid"], {"id": len(self.sources) + 1, "version": 0})
        kept = {**body, "id": before["id"], "version": before["version"] + 1, "orgId": 1, "readOnly": False}
        self.sources[body["uid"]] = {**kept, "secureJsonFields": dict.fromkeys(secrets, True)}
        return {"id": kept["id"], "name": body["name"], "message": "ok", "datasource": self.sources[body["uid"]]}

    def _getDataSourceByUID(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        found = self.sources.get(path["uid"])
        return (200, found) if found else (404, {"message": "data source not found"})

    def _postDashboard(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        board = body["dashboard"]
        if not board.get("title"):
            return 400, {"message": "Dashboard title cannot be empty"}
        if body.get("folderUid") not in self.folders:
            return 400, {"message": "folder not found"}
        before = self.boards.get(board["uid"], {"id": len(self.boards) + 1, "version": 0})
        if before["version"] and not body.get("overwrite") and board.get("version") != before["version"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        self.boards[board["uid"]] = {**board, "id": before["id"], "version": before["version"] + 1}
        self.board_folders[board["uid"]] = body["folderUid"]
        return 200, {
            "id": before["id"], "uid": board["uid"], "title": board["title"], "url": f"/d/{board['uid']}",
            "status": "success", "version": before["version"] + 1,
        }  # fmt: skip

    def _getDashboardByUID(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if path["uid"] not in self.boards:
            return 404, {"message": "Dashboard not found"}
        board = self.boards[path["uid"]]
        meta = {"folderUid": self.board_folders[path["uid"]], "version": board["version"], "provisioned": False}
        return 200, {"dashboard": board, "meta": meta}

    def _GetContactpoints(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        return 200, [self._shown(each) for each in self.points.values()]

    def _shown(self, point: dict[str, Any]) -> dict[str, Any]:
        hidden = {name: REDACTED for name in SECRETS[point["type"]] if name in point["settings"]}
        return {**point, "settings": {**point["settings"], **hidden}, "provenance": ""}

    def _PostContactpoints(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if body["uid"] in self.points:
            return 400, {"message": "a contact point with that uid exists"}
        return self._keep_point(body)

    def _PutContactpoint(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if path["UID"] not in self.points:
            return 400, {"message": "contact point not found"}
        status, _ = self._keep_point({**body, "uid": path["UID"]})
        return status, {}

    def _keep_point(self, body: dict[str, Any]) -> Answer:
        needed = "addresses" if body["type"] == "email" else "url"
        if not body["settings"].get(needed):
            return 400, {"message": f"could not find {needed} property in settings"}
        before = self.points.get(body["uid"], {}).get("settings", {})
        for name, value in body["settings"].items():
            if value == REDACTED:
                body["settings"][name] = before[name]
        self.points[body["uid"]] = body
        return 202, self._shown(body)

    def _GetPolicyTree(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        return 200, {**self.policy, "provenance": ""}

    def _PutPolicyTree(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        known = {"grafana-default-email", *(each["name"] for each in self.points.values())}
        branches = [body]
        while branches:
            branch = branches.pop()
            if branch.get("receiver") not in {*known, None}:
                return 400, {"message": f"receiver '{branch['receiver']}' does not exist"}
            branches += branch.get("routes") or []
        self.policy = body
        return 202, {"message": "policies updated"}

    def _GetTemplate(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if path["name"] not in self.templates:
            return 404, {"message": "template not found", "messageId": "alerting.notfound", "statusCode": 404}
        return 200, {"name": path["name"], "template": self.templates[path["name"]], "version": "v", "provenance": ""}

    def _PutTemplate(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        self.templates[path["name"]] = body["template"].strip()
        return 202, {"name": path["name"], "template": self.templates[path["name"]], "version": "v", "provenance": ""}

    def _GetAlertRuleGroup(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        found = self.groups.get((path["FolderUID"], path["Group"]))
        return (200, found) if found else (404, {"message": "rule group not found"})

    def _PutAlertRuleGroup(self, path: dict[str, str], body: Any) -> Answer:  # noqa: N802
        if path["FolderUID"] not in self.folders:
            return 400, {"message": "folder does not exist"}
        for rule in body["rules"]:
            refs = {each["refId"] for each in rule["data"]}
            if rule["condition"] not in refs:
                return 400, {"message": f"condition {rule['condition']} does not exist, must be one of {sorted(refs)}"}
            for each in rule["data"]:
                if each["datasourceUid"] not in {*self.sources, "__expr__"}:
                    return 400, {"message": f"invalid query {each['refId']}: data source not found"}
            rule |= {"for": duration(rule["for"]), "id": 1, "updated": "2026-11-24T00:00:00Z", "provenance": ""}
            for each in rule["data"]:
                each["model"] = {"intervalMs": 1000, "maxDataPoints": 43200, **each["model"]}
                each.pop("queryType") if not each.get("queryType") else None
        self.groups[path["FolderUID"], path["Group"]] = body
        return 200, body

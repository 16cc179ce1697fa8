"""The OpenAPI document: complete, with examples, and real answers fit it. Nothing that is sent makes the API fail."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import BaseModel
from schemathesis import GenerationMode

from api.document import document
from api.rest import shapes
from tests.api.conftest import Api
from tests.api.world import GUANGMING

CALL = f"/centres/{GUANGMING}/devices/call-01"
CONTRACT = {
    "/api/v1/summary": {"get"},
    "/api/v1/centres": {"get"},
    "/api/v1/centres/{centre}": {"get"},
    "/api/v1/devices": {"get"},
    "/api/v1/centres/{centre}/devices/{device}": {"get"},
    "/api/v1/centres/{centre}/devices/{device}/readings": {"get"},
    "/api/v1/centres/{centre}/devices/{device}/transitions": {"get"},
    "/api/v1/centres/{centre}/devices/{device}/probe": {"post"},
    "/api/v1/incidents": {"get"},
    "/api/v1/incidents/{id}": {"get"},
    "/api/v1/incidents/{id}/acknowledge": {"post"},
    "/api/v1/incidents/{id}/notes": {"post"},
    "/api/v1/incidents/{id}/close": {"post"},
    "/api/v1/availability": {"get"},
    "/api/v1/maintenance": {"get", "post"},
    "/api/v1/maintenance/{id}": {"delete"},
    "/api/v1/fleet": {"get", "put"},
    "/api/v1/stream": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def test_the_document_holds_every_call_of_the_contract(app: FastAPI) -> None:
    found = document(app)
    assert found["openapi"].startswith("3.1")
    missing = {path: calls - set(found["paths"].get(path, {})) for path, calls in CONTRACT.items()}
    assert not {path: calls for path, calls in missing.items() if calls}
    for operations in found["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_its_examples_fit_their_shapes() -> None:
    shown = 0
    for shape in vars(shapes).values():
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            extra: Any = shape.model_config.get("json_schema_extra") or {}
            for example in extra.get("examples", []):
                shape.model_validate(example)
                shown += 1
    assert shown >= 12


@pytest.mark.parametrize(
    ("path", "query", "template"),
    [
        ("/summary", {}, "/summary"),
        ("/centres", {}, "/centres"),
        (f"/centres/{GUANGMING}", {}, "/centres/{centre}"),
        ("/devices", {}, "/devices"),
        (CALL, {}, "/centres/{centre}/devices/{device}"),
        (f"{CALL}/readings", {}, "/centres/{centre}/devices/{device}/readings"),
        (f"{CALL}/readings", {"every": "1h"}, "/centres/{centre}/devices/{device}/readings"),
        (f"{CALL}/transitions", {}, "/centres/{centre}/devices/{device}/transitions"),
        ("/incidents", {}, "/incidents"),
        ("/incidents/i-silent", {}, "/incidents/{id}"),
        ("/incidents/i-carrier", {}, "/incidents/{id}"),
        ("/maintenance", {"past": "true"}, "/maintenance"),
        ("/feeds", {}, "/feeds"),
        ("/asides", {}, "/asides"),
        ("/availability", {"by": "kind"}, "/availability"),
        ("/house", {}, "/house"),
        ("/counts", {"by": "centre"}, "/counts"),
        ("/timeline/devices", {}, "/timeline/devices"),
        ("/timeline/incidents", {}, "/timeline/incidents"),
        ("/delays", {}, "/delays"),
    ],
)
async def test_real_answers_fit_the_document(api: Api, path: str, query: dict[str, str], template: str) -> None:
    whole = document(api.app)
    schema = whole["paths"][f"/api/v1{template}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = await api.get(path, **query)
    assert answer.status_code == 200
    jsonschema.Draft202012Validator({**schema, "components": whole["components"]}).validate(answer.json())


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_nothing_that_is_sent_makes_it_fail(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rest.incidents.DEED_WITHIN_S", 0.0)
    monkeypatch.setattr("api.rest.devices.PROBE_WITHIN_S", 0.0)
    monkeypatch.setattr("api.rest.notify.PROBE_WITHIN_S", 0.0)
    schema = schemathesis.openapi.from_dict(document(api.app))
    loop = asyncio.get_running_loop()
    tried = 0

    def send(case: Any) -> None:
        nonlocal tried
        tried += 1
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8420")
        kept = {
            name: value for name, value in sent["headers"].items() if name.lower() not in ("authorization", "cookie")
        }
        sent["headers"] = {**kept, "authorization": f"Bearer {api.token}"}
        sent.pop("cookies", None)
        if "data" in sent and isinstance(sent["data"], bytes):
            sent["content"] = sent.pop("data")
        try:
            answer = asyncio.run_coroutine_threadsafe(api.client.request(**sent), loop).result(30)
        except httpx.InvalidURL:
            return  # longer than a client sends
        assert answer.status_code < 500 or answer.status_code == 504, (sent, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", (sent, answer.text)

    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path == "/api/v1/stream":
            continue  # it does not end by itself; tests/api/test_stream.py
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)
            check = settings(max_examples=8, database=None, deadline=None, suppress_health_check=list(HealthCheck))(
                given(strategy)(send)
            )
            with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a call that takes nothing
                await asyncio.to_thread(check)
    assert tried > 150

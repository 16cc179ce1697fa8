"""The OpenAPI document: 3.1, with our problem details in place of the framework's own errors."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from api.access import Open
from api.problems import MEDIA_TYPE
from api.rest.shapes import ProblemDetails
from shouwang import __version__

router = APIRouter()

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
_DESCRIPTION = """\
What is out, since when, and who is on it.

Send `Authorization: Bearer <token>`; `shouwang token create --role viewer` makes one. What lies outside of a token's
townships does not exist for it. Lists take `limit` (to 1,000) and `cursor`; instants are RFC 3339 UTC; errors are
problem details (RFC 9457).
"""


@router.get("/api/v1/openapi.json", include_in_schema=False)
def openapi_json(
    request: Request, _everybody: Annotated[None, Depends(Open("the shapes are public; they hold no data"))]
) -> Response:
    """The document itself."""
    return Response(msgspec.json.encode(document(request.app)), media_type="application/json")


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Shouwang 守望",
            version=__version__,
            openapi_version="3.1.0",
            description=_DESCRIPTION,
            routes=app.routes,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        for framework_own in ("HTTPValidationError", "ValidationError"):
            schemas.pop(framework_own, None)
        made["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "__Host-shouwang"},
        }
        for path, operations in made["paths"].items():
            for operation in operations.values():
                _finish(operation, path)
        app.openapi_schema = made
    return app.openapi_schema


def _finish(operation: dict[str, Any], path: str) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            response["content"] = _PROBLEM
    responses["default"] = {"description": "Problem details (RFC 9457)", "content": _PROBLEM}
    if path not in ("/healthz", "/readyz"):
        operation["security"] = [{"token": []}, {"session": []}]

"""What a worker's credential may ask of the farm's Prefect server: what workers and flow runs need, and no more.

With Prefect's one password, a worker could write what others run: deployments, job templates, automations, blocks.
Behind :class:`RoleGate` there are two: the operator's, which is Prefect's own and may do everything, and the workers',
which is held against :data:`ALLOWED`. Neither of the two runs code of a stored result anywhere, see
:mod:`flows.prefect_restrictions`.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from flows.api_gate import App, Receive, Scope, Send, basic, refuse

LARGEST_BODY = 4_000_000
API = "/api"
EVENTS = f"{API}/events/in"

RUN_FIELDS = {"parameters", "name", "tags", "idempotency_key", "work_queue_name", "state", "labels", "context"}
"""What a run of a deployment is asked for with. Job variables, which name command and environment, are not among it."""
CHANGED_FIELDS = {"name", "tags", "infrastructure_pid", "flow_version", "empirical_policy"}
"""What is changed of a run: never its parameters or job variables."""


def _free(_: Mapping[str, Any]) -> bool:
    return True


def _has_no_data(state: object) -> bool:
    """Whether a state carries nothing to be loaded: a result is a reference to storage, or worse."""
    return state is None or (isinstance(state, dict) and state.get("data") is None)


def _sets_a_state(body: Mapping[str, Any]) -> bool:
    return _has_no_data(body.get("state"))


def _asks_for_a_run(body: Mapping[str, Any]) -> bool:
    return _holds(body, RUN_FIELDS) and _has_no_data(body.get("state"))


def _changes_a_run(body: Mapping[str, Any]) -> bool:
    return _holds(body, CHANGED_FIELDS)


def _begins_a_task(body: Mapping[str, Any]) -> bool:
    return _has_no_data(body.get("state"))


def _holds(body: Mapping[str, Any], names: set[str]) -> bool:
    return all(name in names for name, value in body.items() if value not in (None, {}, []))


Check = Callable[[Mapping[str, Any]], bool]

_ID = r"[0-9a-f-]{32,36}"
_NAME = r"[^/]+"
ALLOWED: tuple[tuple[str, str, Check], ...] = (
    # What is looked at.
    ("GET", r"/(health|ready|version|hello|admin/version|admin/storage|csrf-token)", _free),
    ("GET", rf"/(flows|flow_runs|task_runs|deployments|artifacts|work_queues)/{_ID}", _free),
    ("GET", rf"/flows/name/{_NAME}", _free),
    ("GET", rf"/deployments/name/{_NAME}/{_NAME}", _free),
    ("GET", rf"/work_pools/{_NAME}(/queues/{_NAME})?", _free),
    ("GET", rf"/v2/concurrency_limits/{_NAME}", _free),
    ("GET", r"/collections/views/aggregate-worker-metadata", _free),
    # The notification that SONGLINE_NOTIFY names.
    ("GET", rf"/block_types/slug/{_NAME}(/block_documents/name/{_NAME})?", _free),
    ("POST", r"/(flow_runs|task_runs|deployments|artifacts|work_pools|work_queues)/(filter|count|paginate)", _free),
    ("POST", r"/artifacts/latest/filter", _free),
    ("POST", rf"/work_pools/{_NAME}/(workers|queues)/filter", _free),
    # What a worker does.
    ("POST", rf"/work_pools/{_NAME}/(workers/heartbeat|get_scheduled_flow_runs)", _free),
    ("POST", r"/deployments/get_scheduled_flow_runs", _free),
    ("PATCH", rf"/flow_runs/{_ID}", _changes_a_run),
    # What a flow run does.
    ("POST", rf"/(flow_runs|task_runs)/{_ID}/set_state", _sets_a_state),
    ("POST", r"/flows/", _free),
    ("POST", r"/task_runs/", _begins_a_task),
    ("POST", r"/(logs|artifacts|events)/?", _free),
    ("PATCH", rf"/artifacts/{_ID}", _free),
    ("POST", r"/v2/concurrency_limits/(increment|decrement)(-with-lease)?", _free),
    ("POST", rf"/v2/concurrency_limits/leases/{_ID}/renew", _free),
    # What the run in charge of an album does, and reconcile.
    ("POST", rf"/deployments/{_ID}/create_flow_run", _asks_for_a_run),
    ("DELETE", rf"/(flow_runs|artifacts)/{_ID}", _free),
)
_ROUTES = tuple((method, re.compile(path), check) for method, path, check in ALLOWED)


def is_allowed(method: str, path: str, body: bytes) -> bool:
    """Whether a worker may ask this; ``path`` is below the API's root."""
    for allowed, pattern, check in _ROUTES:
        if method == allowed and pattern.fullmatch(path):
            return check is _free or _passes(check, body)
    return False


def _passes(check: Check, body: bytes) -> bool:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and check(document)


class RoleGate:
    """Stands before Prefect's app, which knows the operator's ``USER:PASSWORD`` alone."""

    def __init__(self, app: App, *, operator: str, worker: str) -> None:
        self._app = app
        self._operator, self._worker = operator, worker
        self._worker_header = basic(worker).encode()
        self._operator_header = (b"authorization", basic(operator).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, by ASGI."""
        if scope["type"] == "websocket":
            if self._is_worker(scope):
                if scope["path"] != EVENTS:
                    await refuse(scope, send, 403)
                    return
                scope = self._as_operator(scope)
            await self._app(scope, self._translated(scope, receive), send)
        elif scope["type"] == "http" and self._is_worker(scope):
            await self._serve_worker(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_worker(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._worker_header)

    def _as_operator(self, scope: Scope) -> Scope:
        others = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
        return {**scope, "headers": [*others, self._operator_header]}

    async def _serve_worker(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        path = scope["path"]
        if body is None or not path.startswith(API) or not is_allowed(scope["method"], path[len(API) :], body):
            await _forbid(send)
            return
        replayed = False

        async def replay() -> Any:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(self._as_operator(scope), replay, send)

    def _translated(self, scope: Scope, receive: Receive) -> Receive:
        """A websocket's messages; Prefect's first carries the credential, and a worker may only send events."""
        greeted = False

        async def translate() -> Any:
            nonlocal greeted
            message = await receive()
            if message["type"] != "websocket.receive" or greeted:
                return message
            greeted = True
            if scope["path"] != EVENTS or not self._is_greeting(message.get("text")):
                return message
            return {**message, "text": json.dumps({"type": "auth", "token": self._operator})}

        return translate

    def _is_greeting(self, text: str | None) -> bool:
        try:
            said = json.loads(text or "")
        except (ValueError, RecursionError):
            return False
        token = said.get("token") if isinstance(said, dict) else None
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self._worker.encode())


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where it is too large or the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _forbid(send: Send) -> None:
    told = json.dumps({"exception_message": "A worker's credential may not do this: take the operator's"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": told})

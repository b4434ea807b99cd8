"""The requests that a worker's credential may make to the farm's Prefect server: those of workers and flow runs only.

With Prefect's single password, a worker could change what others run: deployments, job templates, automations, blocks.
Behind :class:`RoleGate` there are two: the operator's, which is Prefect's own and unrestricted, and the workers',
which is checked against :data:`ALLOWED`. No stored result is loaded as code with either of them, see
:mod:`flows.runtime.prefect_restrictions`.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

from flows.server.api_gate import App, Receive, Scope, Send, basic, refuse

LARGEST_BODY = 4_000_000
API = "/api"
HYDRATED = "__prefect_kind"
EVENTS = (f"{API}/events/in", f"{API}/events/out")
"""Where heartbeats are sent, and where a worker is notified that a run is cancelled."""

QUEUES = {None, "urgent", "normal", "batch"}
RUN_FIELDS = {"parameters", "name", "tags", "idempotency_key", "work_queue_name", "state", "labels"}
"""Fields for creating a run of a deployment. Job variables, which set command and environment, are not included."""
CHANGED_FIELDS = {"name", "tags", "infrastructure_pid", "flow_version", "empirical_policy"}
"""Fields of a run that may be changed: never its parameters or job variables."""


def _no_check(_: Mapping[str, Any]) -> bool:
    return True


def _is_run_request(body: Mapping[str, Any]) -> bool:
    """Plain parameters only: Prefect's server would resolve marked ones, from its variables and by templates."""
    is_plain = HYDRATED not in json.dumps(body.get("parameters"))
    return _has_only(body, RUN_FIELDS) and body.get("work_queue_name") in QUEUES and is_plain


def _is_run_update(body: Mapping[str, Any]) -> bool:
    return _has_only(body, CHANGED_FIELDS)


def _has_a_state(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("state"), dict | None)


def _are_events(body: object) -> bool:
    return isinstance(body, list) and all(isinstance(event, dict) for event in body)


def _switches_a_schedule(body: Mapping[str, Any]) -> bool:
    return body.keys() == {"active"} and isinstance(body["active"], bool)


def _has_only(body: Mapping[str, Any], names: set[str]) -> bool:
    return _has_a_state(body) and all(name in names for name, value in body.items() if value not in (None, {}, []))


Check = Callable[[Any], bool]

_ID = r"[0-9a-f-]{32,36}"
_NAME = r"[^/]+"
ALLOWED: tuple[tuple[str, str, Check], ...] = (
    # Reads.
    ("GET", r"/(health|ready|version|hello|admin/version|admin/storage|csrf-token)", _no_check),
    ("GET", rf"/(flows|flow_runs|task_runs|deployments|artifacts|work_queues)/{_ID}", _no_check),
    ("GET", rf"/flows/name/{_NAME}", _no_check),
    ("GET", rf"/deployments/name/{_NAME}/{_NAME}", _no_check),
    ("GET", rf"/work_pools/{_NAME}(/queues/{_NAME})?", _no_check),
    ("GET", rf"/v2/concurrency_limits/{_NAME}", _no_check),
    ("GET", r"/collections/views/aggregate-worker-metadata", _no_check),
    # The notification block that SONGLINE_NOTIFY names.
    ("GET", rf"/block_types/slug/{_NAME}(/block_documents/name/{_NAME})?", _no_check),
    ("POST", r"/(flow_runs|task_runs|deployments|artifacts|work_pools|work_queues)/(filter|count|paginate)", _no_check),
    ("POST", r"/artifacts/latest/filter", _no_check),
    ("POST", rf"/work_pools/{_NAME}/(workers|queues)/filter", _no_check),
    # Requests of workers.
    ("POST", rf"/work_pools/{_NAME}/(workers/heartbeat|get_scheduled_flow_runs)", _no_check),
    ("POST", r"/deployments/get_scheduled_flow_runs", _no_check),
    ("PATCH", rf"/flow_runs/{_ID}", _is_run_update),
    ("PATCH", rf"/flow_runs/{_ID}/labels", _no_check),
    # Requests of flow runs.
    ("POST", rf"/(flow_runs|task_runs)/{_ID}/set_state", _has_a_state),
    ("POST", r"/flows/", _no_check),
    ("POST", r"/task_runs/", _has_a_state),
    ("POST", r"/(logs|artifacts)/?", _no_check),
    ("POST", r"/events/?", _are_events),
    ("PATCH", rf"/artifacts/{_ID}", _no_check),
    ("POST", r"/v2/concurrency_limits/(increment|decrement)(-with-lease)?", _no_check),
    ("POST", rf"/v2/concurrency_limits/leases/{_ID}/renew", _no_check),
    # Requests of the coordinating run of an album, and of reconcile.
    ("POST", rf"/deployments/{_ID}/create_flow_run", _is_run_request),
    ("DELETE", rf"/(flow_runs|artifacts)/{_ID}", _no_check),
    # For the deployment `reconcile` only, see :meth:`RoleGate._is_reconcile`.
    ("PATCH", rf"/deployments/{_ID}/schedules/{_ID}", _switches_a_schedule),
)
RECONCILE = ("reconcile", "flows.reconcile.reconcile")
"""Name and entrypoint of the deployment whose schedules a worker may enable and disable."""
_SCHEDULE = re.compile(rf"/deployments/({_ID})/schedules/{_ID}")
_ROUTES = tuple((method, re.compile(path), check) for method, path, check in ALLOWED)


def admitted_body(method: str, path: str, body: bytes) -> bytes | None:
    """The body of a worker's request as passed to Prefect, None where it is not allowed; ``path`` is relative to the
    API's root.

    References to stored results are removed from states, also from those in events, which the server applies to task
    runs. Prefect's engine sends such a reference with an exception, though nothing was stored; no client must be made
    to load it.
    """
    for allowed_method, pattern, check in _ROUTES:
        if method == allowed_method and pattern.fullmatch(path):
            return body if check is _no_check else _checked_body(check, body)
    return None


def _checked_body(check: Check, body: bytes) -> bytes | None:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list if check is _are_events else dict) or not check(document):
        return None
    return json.dumps(without_results(document)).encode()


def without_results(document: Any) -> Any:
    """A request's body, or an event, whose states refer to no stored result."""
    if isinstance(document, list):
        return [without_results(entry) for entry in document]
    if not isinstance(document, dict):
        return document
    copy = dict(document)
    for name in ("state", "validated_state"):
        if isinstance(copy.get(name), dict):
            copy[name] = {**copy[name], "data": None}
    if isinstance(copy.get("payload"), dict):
        copy["payload"] = without_results(copy["payload"])
    return copy


class RoleGate:
    """Access control in front of Prefect's app, which knows only the operator's ``USER:PASSWORD``."""

    def __init__(self, app: App, *, operator: str, worker: str, hosts: Collection[str] = ()) -> None:
        """``hosts`` are the accepted host names (``NAME:PORT``); all where it is empty."""
        self._app = app
        self._hosts = frozenset(host.encode() for host in hosts)
        self._operator, self._worker = operator, worker
        self._worker_header = basic(worker).encode()
        self._operator_header = (b"authorization", basic(operator).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if scope["type"] != "lifespan" and not self._is_accepted_host(scope):
            await refuse(scope, send, 421)
        elif scope["type"] == "websocket":
            if self._is_worker(scope):
                if scope["path"] not in EVENTS:
                    await refuse(scope, send, 403)
                    return
                scope = self._as_operator(scope)
            await self._app(scope, self._translate_messages(scope, receive), send)
        elif scope["type"] == "http" and self._is_worker(scope):
            await self._serve_worker(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_accepted_host(self, scope: Scope) -> bool:
        """Whether the request names one of the accepted hosts: a page would send a name of its own (DNS rebinding)."""
        host_names = {value for name, value in scope["headers"] if name == b"host"}
        return not self._hosts or (len(host_names) == 1 and host_names <= self._hosts)

    def _is_worker(self, scope: Scope) -> bool:
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(credentials) == 1 and hmac.compare_digest(credentials[0], self._worker_header)

    def _as_operator(self, scope: Scope, body: bytes | None = None) -> Scope:
        headers = [pair for pair in scope["headers"] if pair[0] not in (b"authorization", b"content-length")]
        length = [] if body is None else [(b"content-length", str(len(body)).encode())]
        return {**scope, "headers": [*headers, *length, self._operator_header]}

    async def _serve_worker(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, path = await _body(receive), scope["path"]
        if body is not None and path.startswith(API):
            body = admitted_body(scope["method"], path[len(API) :], body)
        is_allowed = body is not None and path.startswith(API)
        if is_allowed and (schedule := _SCHEDULE.fullmatch(path[len(API) :])):
            is_allowed = await self._is_reconcile(schedule[1], scope)
        if not is_allowed:
            await _forbid(send)
            return
        is_replayed = False

        async def replay() -> Any:
            nonlocal is_replayed
            if is_replayed:
                return await receive()
            is_replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(self._as_operator(scope, body), replay, send)

    async def _is_reconcile(self, deployment: str, scope: Scope) -> bool:
        """Whether this id is that of the deployment `reconcile`."""
        path = f"{API}/deployments/{deployment}"
        headers = [pair for pair in scope["headers"] if pair[0] == b"host"]
        request = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        response = bytearray()

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            response.extend(message.get("body", b""))

        await self._app(self._as_operator({**request, "headers": headers}), receive, send)
        try:
            answer = json.loads(response)
        except ValueError:
            return False
        return isinstance(answer, dict) and (answer.get("name"), answer.get("entrypoint")) == RECONCILE

    def _translate_messages(self, scope: Scope, receive: Receive) -> Receive:
        """The messages of a websocket: the first carries the credential, the others events."""
        has_greeted = False

        async def translate() -> Any:
            nonlocal has_greeted
            message = await receive()
            if message["type"] != "websocket.receive" or scope["path"] not in EVENTS:
                return message
            text = message.get("text")
            if has_greeted:
                return {**message, "text": _event_without_results(text)}
            has_greeted = True
            if not self._is_greeting(text):
                return message
            return {**message, "text": json.dumps({"type": "auth", "token": self._operator})}

        return translate

    def _is_greeting(self, text: str | None) -> bool:
        try:
            greeting = json.loads(text or "")
        except (ValueError, RecursionError):
            return False
        token = greeting.get("token") if isinstance(greeting, dict) else None
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self._worker.encode())


def _event_without_results(text: str | None) -> str | None:
    try:
        return json.dumps(without_results(json.loads(text or "")))
    except (ValueError, RecursionError):
        return text  # not an event: Prefect rejects it


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large or the client has disconnected."""
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
    body = json.dumps({"exception_message": "A worker's credential may not do this: take the operator's"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""What a worker's credential may ask of the Prefect server, and that the gates before it let nobody else in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from flows.server.api_gate import LocalGate, basic
from flows.server.worker_access import RoleGate, admitted_body

OPERATOR, WORKER = "songline:operator-secret", "worker:worker-secret"
ID = "0192d3a4-8f6e-7c1b-9a55-3f1e2d4c5b6a"


class Behind:
    """The application behind a gate: keeps what reached it, and answers 200."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str | None, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        message = await receive()
        body = message.get("body") or (message.get("text") or "").encode()
        self.reached.append((scope["path"], headers.get(b"authorization", b"").decode() or None, body))
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def ask(gate: Any, method: str, path: str, *, headers: dict[str, str], body: bytes = b"", parts: int = 1) -> int:
    """The status that a request through the gate gets."""
    answered: list[int] = []
    size = max(1, -(-len(body) // parts))
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        answered.extend([message["status"]] if "status" in message else [])

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(gate(scope, receive, send))
    return answered[0]


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("PATCH", f"/deployments/{ID}", {"entrypoint": "evil.py:flow"}),
        ("POST", "/deployments/", {"name": "mine"}),
        ("PATCH", "/work_pools/gpu", {"base_job_template": {}}),
        ("POST", "/work_pools/", {"name": "mine", "type": "process"}),
        ("POST", "/automations/", {"name": "mine"}),
        ("POST", "/block_documents/", {"name": "mine"}),
        ("POST", "/block_documents/filter", {"include_secrets": True}),
        ("GET", "/variables/name/secret", None),
        ("POST", "/admin/database/drop", {"confirm": True}),
        ("PUT", "/admin/storage", {}),
        ("POST", "/flow_runs/", {"flow_id": ID, "job_variables": {"command": "sh"}}),
        ("POST", f"/deployments/{ID}/create_flow_run", {"job_variables": {"env": {"LD_PRELOAD": "x.so"}}}),
        ("POST", f"/deployments/{ID}/create_flow_run", {"infrastructure_document_id": ID}),
        ("PATCH", f"/flow_runs/{ID}", {"job_variables": {"command": "sh"}}),
        ("PATCH", f"/flow_runs/{ID}", {"parameters": {"work": {}}}),
        ("POST", f"/flow_runs/{ID}/set_state/../../../deployments/{ID}", {}),
        ("POST", f"/flow_runs/{ID}/set_state", [1]),
        ("POST", "/events", {"event": "not a list"}),
        ("POST", f"/deployments/{ID}/create_flow_run", {"parameters": {"work": {"__prefect_kind": "jinja"}}}),
        ("POST", f"/deployments/{ID}/create_flow_run", {"work_queue_name": "mine"}),
        ("PATCH", f"/deployments/{ID}/schedules/{ID}", {"active": True, "parameters": {"work": {}}}),
        ("PATCH", f"/deployments/{ID}/schedules/{ID}", {"schedule": {"interval": 1}}),
        ("PATCH", f"/deployments/{ID}/schedules/{ID}", {"active": "yes"}),
        ("PATCH", f"/deployments/{ID}/schedules/{ID}", {}),
        ("POST", f"/deployments/{ID}/schedules", [{"active": True}]),
        ("DELETE", f"/deployments/{ID}/schedules/{ID}", None),
        ("POST", f"/deployments/{ID}/pause_deployment", None),
    ],
)
def test_what_could_run_code_elsewhere_is_no_workers_business(method, path, document) -> None:
    gate = RoleGate(behind := Behind(), operator=OPERATOR, worker=WORKER)
    body = b"" if document is None else json.dumps(document).encode()
    assert ask(gate, method, f"/api{path}", headers={"Authorization": basic(WORKER)}, body=body) == 403
    assert behind.reached == []
    assert ask(gate, method, f"/api{path}", headers={"Authorization": basic(OPERATOR)}, body=body) == 200


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("GET", f"/flow_runs/{ID}", None),
        ("GET", "/deployments/name/render-shard/render-shard", None),
        ("POST", "/work_pools/gpu/workers/heartbeat", {"name": "w"}),
        ("POST", f"/flow_runs/{ID}/set_state", {"state": {"type": "RUNNING", "data": None}, "force": False}),
        ("POST", f"/deployments/{ID}/create_flow_run", {"parameters": {"work": {}}, "job_variables": {}, "name": "n"}),
        ("PATCH", f"/flow_runs/{ID}", {"infrastructure_pid": "host:1"}),
        ("POST", "/logs/", [{"message": "said"}]),
    ],
)
def test_what_workers_need_reaches_prefect_as_the_operators(method, path, document) -> None:
    gate = RoleGate(behind := Behind(), operator=OPERATOR, worker=WORKER)
    body = b"" if document is None else json.dumps(document).encode()
    assert ask(gate, method, f"/api{path}", headers={"Authorization": basic(WORKER)}, body=body, parts=3) == 200
    ((reached, authorization, said),) = behind.reached
    assert (reached, authorization) == (f"/api{path}", basic(OPERATOR))
    assert said == body or json.loads(said) == document


class Deployments(Behind):
    """Prefect, which knows one deployment."""

    def __init__(self, **known: str) -> None:
        super().__init__()
        self._known = json.dumps(known).encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            assert (scope["path"], dict(scope["headers"])[b"authorization"]) == (
                f"/api/deployments/{ID}",
                basic(OPERATOR).encode(),
            )
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": self._known[:9], "more_body": True})
            await send({"type": "http.response.body", "body": self._known[9:]})
        else:
            await super().__call__(scope, receive, send)


@pytest.mark.parametrize(
    ("name", "entrypoint", "status"),
    [
        ("reconcile", "flows.reconcile.reconcile", 200),
        ("render-inbox", "flows.render_inbox.render_inbox", 403),
        ("reconcile", "theirs.py:reconcile", 403),
    ],
)
def test_a_worker_switches_the_schedules_of_reconcile_and_of_no_other(name, entrypoint, status) -> None:
    gate = RoleGate(behind := Deployments(name=name, entrypoint=entrypoint), operator=OPERATOR, worker=WORKER)
    body = json.dumps({"active": False}).encode()
    path = f"/api/deployments/{ID}/schedules/{ID}"
    assert ask(gate, "PATCH", path, headers={"Authorization": basic(WORKER)}, body=body) == status
    assert [said for _, _, said in behind.reached] == ([body] if status == 200 else [])


@pytest.mark.parametrize("data", [{"storage_key": "/tmp/x", "serializer": {"type": "pickle"}}, "gANjb3M="])
@pytest.mark.parametrize(
    "path", [f"/flow_runs/{ID}/set_state", f"/task_runs/{ID}/set_state", f"/deployments/{ID}/create_flow_run"]
)
def test_a_state_leads_nobody_to_a_stored_result(path, data) -> None:
    said = admitted_body("POST", path, json.dumps({"state": {"type": "COMPLETED", "data": data}}).encode())
    assert json.loads(said or b"") == {"state": {"type": "COMPLETED", "data": None}}


def test_an_event_leads_nobody_to_a_stored_result() -> None:
    event = {"event": "prefect.task-run.Completed", "payload": {"validated_state": {"data": {"storage_key": "/x"}}}}
    said = json.loads(admitted_body("POST", "/events", json.dumps([event]).encode()) or b"")
    assert said[0]["payload"] == {"validated_state": {"data": None}}
    assert sent_by_websocket([{"type": "auth", "token": WORKER}, event])[1] == said[0]


def sent_by_websocket(documents: list[dict[str, Any]]) -> list[Any]:
    """What an application behind the gate hears of a worker's messages."""
    heard: list[Any] = []
    left = [{"type": "websocket.receive", "text": json.dumps(document)} for document in documents]

    async def behind(_: Any, receive: Any, send: Any) -> None:
        for _ in range(len(documents)):
            heard.append(json.loads((await receive())["text"]))

    async def receive() -> Any:
        return left.pop(0)

    async def send(_: Any) -> None:
        pass

    gate = RoleGate(behind, operator=OPERATOR, worker=WORKER)
    asyncio.run(gate({"type": "websocket", "path": "/api/events/in", "headers": []}, receive, send))
    return heard


def test_a_body_without_end_is_refused() -> None:
    gate = RoleGate(behind := Behind(), operator=OPERATOR, worker=WORKER)
    headers = {"Authorization": basic(WORKER)}
    assert ask(gate, "POST", "/api/logs/", headers=headers, body=b" " * 5_000_000, parts=50) == 403
    assert behind.reached == []
    deep = b'{"state":' + b"[" * 100_000
    assert admitted_body("POST", f"/flow_runs/{ID}/set_state", deep) is None


def test_strangers_are_left_to_prefects_own_password() -> None:
    gate = RoleGate(behind := Behind(), operator=OPERATOR, worker=WORKER)
    ask(gate, "GET", "/api/flows/filter", headers={"Authorization": basic("worker:guess")})
    ask(gate, "GET", "/", headers={})
    assert [header for _, header, _ in behind.reached] == [basic("worker:guess"), None]


@pytest.mark.parametrize(
    ("path", "token", "becomes"),
    [
        ("/api/events/in", WORKER, OPERATOR),
        ("/api/events/in", "worker:guess", "worker:guess"),
        ("/api/events/out", WORKER, OPERATOR),
        ("/api/logs/out", WORKER, WORKER),
    ],
)
def test_a_worker_sends_and_hears_events_and_reads_no_logs(path, token, becomes) -> None:
    gate = RoleGate(behind := Behind(), operator=OPERATOR, worker=WORKER)
    greeting = {"type": "websocket.receive", "text": json.dumps({"type": "auth", "token": token})}

    async def receive() -> Any:
        return greeting

    async def send(_: Any) -> None:
        pass

    asyncio.run(gate({"type": "websocket", "path": path, "headers": []}, receive, send))
    ((_, _, said),) = behind.reached
    assert json.loads(said)["token"] == becomes


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:4200", "Authorization": basic(OPERATOR)}, 200),
        ({"Host": "127.0.0.1:4200"}, 401),
        ({"Host": "127.0.0.1:4200", "Authorization": basic("songline:guess")}, 401),
        ({"Host": "127.0.0.1:4200", "Authorization": basic(OPERATOR), "Origin": "null"}, 403),
        ({"Host": "127.0.0.1:4200", "Authorization": basic(OPERATOR), "Origin": "http://127.0.0.1:4200"}, 403),
        ({"Host": "rebound.test:4200", "Authorization": basic(OPERATOR)}, 421),
        ({"Authorization": basic(OPERATOR)}, 421),
    ],
)
def test_the_local_gate_lets_in_its_own_command_alone(headers, status) -> None:
    gate = LocalGate(behind := Behind(), host="127.0.0.1:4200", auth=OPERATOR)
    for path in ("/api/health", "/docs", "/api/flow_runs/filter"):
        assert ask(gate, "GET", path, headers=headers) == status
    assert len(behind.reached) == (3 if status == 200 else 0)

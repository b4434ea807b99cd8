"""A whole farm under fire: what the fault suite asks of it, does to it, and demands of it in the end."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
from minio import Minio

from infra.stack.services import BUCKET
from tests.faults.waiting import PATIENCE_S, wait_until
from tests.support.albums import LYRICS
from tests.support.services.processes import free_port, running
from tests.support.services.stack import Stack, running_stack

LOG = logging.getLogger(__name__)
FAST = {
    "SONGLINE_LEASE_S": "10",
    "SONGLINE_RENEW_S": "3",
    "SONGLINE_POLL_S": "1",
    "SONGLINE_SHARD_MINUTES": "0.03",
    "SONGLINE_GC_GRACE_S": "0",
    "SONGLINE_WORKERS": "1",
    "OMP_NUM_THREADS": "1",
}
GPU = "worker-gpu-0"
CPU = "worker-cpu"


class Lease(NamedTuple):
    """One begin of one render."""

    key: str
    fence: int


@dataclass(frozen=True)
class Farm:
    """One stack with an album's commands, looks into its catalog, and ways to hurt it."""

    stack: Stack

    @property
    def environment(self) -> dict[str, str]:
        home = {"SONGLINE_HOME": str(self.stack.folder / "home"), "NO_COLOR": "1", "COLUMNS": "200"}
        return os.environ | home | dict(self.stack.settings) | self.stack.variables

    def begin(self, *arguments: str | Path, **settings: str) -> subprocess.Popen[str]:
        """Start a command of Songline."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            env=self.environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def songline(self, *arguments: str | Path, code: int = 0, **settings: str) -> str:
        """Run a command of Songline; gives what it says."""
        process = self.begin(*arguments, **settings)
        told, trouble = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, told + trouble
        return told if code in (0, 1) else trouble

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self.songline(*arguments, "--json", code=code))

    def manifest(self, album_id: str, *, songs: int, seeds: int) -> Path:
        """Write an album of short songs. Its seeds and tempi make every render its own, one to a candidate."""
        path = self.stack.folder / album_id / "album.yaml"
        path.parent.mkdir()
        first = int.from_bytes(album_id.encode()[:4]) * 1000
        defaults = {"engine": "guide", "length_s": 10, "seeds": {"start": first, "count": seeds}}
        document = {
            "schema_version": 1,
            "album": {"id": album_id, "title": album_id.title(), "artist": "Ada Vale"},
            "defaults": defaults,
            "songs": [
                {
                    "id": f"song-{n}",
                    "title": f"Song {n}",
                    "lyrics": LYRICS,
                    "prompt": f"indie pop, {100 + n} BPM, A minor",
                }
                for n in range(songs)
            ],
            "stems": "none",
            "deliverables": ["mp3_320"],
        }
        path.write_text(json.dumps(document))
        return path

    def asked(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """What the catalog answers to a statement."""
        with psycopg.connect(self.stack.variables["SONGLINE_DATABASE_URL"]) as connection:
            return connection.execute(question, values).fetchall()

    def renders(self, album_id: str) -> dict[str, int]:
        """How many renders of an album are in each state."""
        found = self.asked(
            "SELECT state, count(*) FROM render WHERE key IN (SELECT render_key FROM candidate JOIN song "
            "ON song.id = song_id WHERE album_id = %s) GROUP BY state",
            album_id,
        )
        return dict(found)

    def submission(self, album_id: str) -> tuple[str, int, str | None]:
        """State, attempt and flow run in charge of an album."""
        ((state, attempt, flow_run_id),) = self.asked(
            "SELECT state, attempt, flow_run_id FROM submission WHERE album_id = %s", album_id
        )
        return state, attempt, flow_run_id

    def await_end(self, album_id: str) -> None:
        """Wait until an album is done."""
        wait_until(lambda: self.submission(album_id)[0] != "active", f"the end of {album_id}")
        assert self.submission(album_id)[0] == "done", self.asked("SELECT album_id, state, reason FROM submission")

    def in_flight(self) -> set[Lease]:
        """The leases on renders that have not run out."""
        alive = "state = 'leased' AND lease_until > extract(epoch FROM clock_timestamp())"
        return {Lease(*row) for row in self.asked(f"SELECT key, fence FROM render WHERE {alive}")}

    def await_work(self, album_id: str) -> set[Lease]:
        """Wait until a render of the one album under way is in flight; gives those that are."""
        seen: set[Lease] = set()

        def is_at_work() -> bool:
            assert self.submission(album_id)[0] == "active", "the album ended before it could be hurt again"
            seen.update(self.in_flight())
            return bool(seen)

        wait_until(is_at_work, f"work on {album_id}")
        return seen

    def await_steps(self, album_id: str) -> None:
        """Wait until all of an album is rendered and its finishing is under way."""

        alive = "SELECT 1 FROM step WHERE state = 'leased' AND lease_until > extract(epoch FROM clock_timestamp())"

        def is_at_steps() -> bool:
            assert self.submission(album_id)[0] == "active", "the album ended before it could be hurt again"
            return self.renders(album_id).keys() == {"rendered"} and bool(self.asked(alive))

        wait_until(is_at_steps, f"the finishing of {album_id}")

    def flow_runs(self, service: str) -> dict[str, psutil.Process]:
        """The flow runs that a worker has in hand, by id, as processes."""
        found = {}
        for process in self.stack.family(service):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                run_id = process.environ().get("PREFECT__FLOW_RUN_ID")
                if run_id and "flows.runtime.run_deployed" in process.cmdline():
                    found[run_id.replace("-", "")] = process
        return found

    def kill_renderer(self) -> set[Lease]:
        """Kill the GPU worker with its flow run and its children; gives the renders that were in their hands."""
        self.stack.signal_family(GPU, signal.SIGKILL)
        return self.in_flight()

    def kill_parent(self, album_id: str) -> int:
        """Kill the run in charge of an album; gives the attempt that it was."""
        _, attempt, run_id = self.submission(album_id)
        name = str(run_id).replace("-", "")
        wait_until(lambda: name in self.flow_runs(CPU), "the run in charge")
        self.flow_runs(CPU)[name].kill()
        return attempt

    def take_away(self, *services: str, for_s: float, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill services, or end them in another way, and start them again after a while."""
        for service in services:
            self.stack.signal(service, how)
        time.sleep(for_s)
        self.stack.run("up")

    def bucket(self) -> Minio:
        """The bucket's own client, behind the store's back."""
        known = self.stack.variables
        return Minio(
            known["SONGLINE_S3_ENDPOINT"].removeprefix("http://"),
            access_key=known["SONGLINE_S3_ACCESS_KEY"],
            secret_key=known["SONGLINE_S3_SECRET_KEY"],
            secure=False,
            region="us-east-1",
        )

    def objects(self) -> dict[str, str]:
        """The keys of everything in the bucket's store, by digest."""
        found = self.bucket().list_objects(BUCKET, prefix="objects/", recursive=True)
        names = [str(each.object_name) for each in found]
        return {name.rpartition("/")[2]: name for name in names}

    @contextmanager
    def working_with(self, **settings: str) -> Iterator[None]:
        """Flow runs that begin meanwhile get these variables, such as another address of the store."""
        names = ("produce-album", "render-shard", "finish-song")
        before = {name: self._prefect(f"deployments/name/{name}/{name}") for name in names}
        for known in before.values():
            changed = known["job_variables"]["env"] | settings
            self._prefect(f"deployments/{known['id']}", "PATCH", {"job_variables": {"env": changed}})
        try:
            yield
        finally:
            for known in before.values():
                self._prefect(f"deployments/{known['id']}", "PATCH", {"job_variables": known["job_variables"]})

    def _prefect(self, path: str, method: str = "GET", document: Mapping[str, object] | None = None) -> Any:
        known = self.stack.variables
        secret = b64encode(known["PREFECT_API_AUTH_STRING"].encode()).decode()
        request = urllib.request.Request(
            f"{known['PREFECT_API_URL']}/{path}",
            data=json.dumps(document).encode() if document is not None else None,
            headers={"Authorization": f"Basic {secret}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    @contextmanager
    def second_renderer(self) -> Iterator[None]:
        """Another worker of the GPU pool while the block lasts."""
        port = free_port()
        command = [sys.executable, "-m", "flows.cli", "worker", "--pool", "gpu"]
        command += ["--name", "second", "--limit", "1", "--with-healthcheck"]
        listening = {"PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": str(port)}
        own = {"PREFECT_HOME": str(self.stack.folder / "second"), "PREFECT_WORKER_QUERY_SECONDS": "2"}
        with running(
            command,
            health_url=f"http://127.0.0.1:{port}/health",
            log=self.stack.folder / "second.log",
            environment=self.environment | listening | own,
            start_s=PATIENCE_S,
        ):
            yield

    def require_whole(self, album_id: str, *, planned: int, in_flight: Collection[Lease] = ()) -> int:
        """Fail unless the album has exactly the planned candidates, each rendered once for good, with no more begun
        again than were in flight when something broke, and the store holds their bytes and no others. Gives the count
        of those that were begun again."""
        assert self.renders(album_id) == {"rendered": planned}
        ((begun,),) = self.asked(
            "SELECT sum(fence) FROM render WHERE key IN (SELECT render_key FROM candidate JOIN song "
            "ON song.id = song_id WHERE album_id = %s AND candidate.active)",
            album_id,
        )
        assert begun - planned <= len(in_flight)
        assert (
            self.asked(
                "SELECT work_key FROM activity WHERE kind = 'render' AND outcome = 'done' "
                "GROUP BY work_key HAVING count(*) <> 1"
            )
            == []
        )
        songs = self.json("status", album_id)["songs"]
        assert sum(song["candidates"]["rendered"] for song in songs) == planned
        assert all(song["winner"] for song in songs)
        self.songline("gc")
        digests = {digest for (digest,) in self.asked("SELECT digest FROM artifact WHERE pruned_at IS NULL")}
        assert self.objects().keys() == digests
        verified = self.json("verify")
        assert verified["checked"] == len(digests)
        assert verified["missing"] == verified["corrupt"] == []
        LOG.info(
            "%s: %d renders, %d begun again, %d in flight at faults", album_id, planned, begun - planned, len(in_flight)
        )
        return int(begun) - planned

    def require_released(self, album_id: str, folder: Path) -> None:
        """Fail unless the album's release comes out of the store whole, and each step was done once."""
        written = self.json("export", album_id, "--out", folder)
        assert (Path(written["folder"]) / "release.json").is_file()
        twice = (
            "SELECT work_key FROM activity WHERE outcome = 'done' AND work_key IN (SELECT key FROM step) "
            "GROUP BY work_key HAVING count(*) <> 1"
        )
        assert self.asked(twice) == []


@contextmanager
def farm() -> Iterator[Farm]:
    """A farm with one worker in each pool and no GPU."""
    with running_stack("--gpus", "", **FAST) as stack:
        yield Farm(stack)

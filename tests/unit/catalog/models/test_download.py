"""from __future__ import annotations"""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, LicenceRefused, MachineError
from catalog.models.download import Downloader, NotFound, Patience, Remote
from catalog.models.install import Watch, install_session
from catalog.models.pull import add, pull
from catalog.models.store import ModelStore, remove_model
from catalog.models.table import read_table
from tests.support.models import AT
from tests.support.services.hub_server import COMMIT
from tests.unit.catalog.models.downloads import QUICK, REPO, VAE, WEIGHTS, fetch, hub, paths, store

__all__ = ["hub", "store"]


@pytest.mark.slow
def test_a_model_comes_whole_through_the_hub_and_its_cdn(store, hub) -> None:
    model = fetch(store, hub)
    assert model.path("vae_model.pt").read_bytes() == WEIGHTS
    assert model.revision == COMMIT
    assert model.digest == digest_bytes(WEIGHTS)
    assert hub.gets("vae_model.pt")[-1].path == f"/cdn/{REPO}"
    # The branch is resolved once: the bytes are asked for at the commit.
    assert paths(hub, "HEAD") == ["/ASLP-lab/DiffRhythm-vae/resolve/main/vae_model.pt"]
    assert f"/ASLP-lab/DiffRhythm-vae/resolve/{COMMIT}/vae_model.pt" in paths(hub, "GET")


def test_nothing_is_asked_for_what_is_here(store, hub) -> None:
    fetch(store, hub)
    asked = len(hub.asked)
    assert fetch(store, hub).digest == digest_bytes(WEIGHTS)
    assert len(hub.asked) == asked


def test_no_licence_no_request(store, hub) -> None:
    with Downloader(hub.url) as downloader, pytest.raises(LicenceRefused, match=f"songline models pull {VAE} --accept"):
        pull(store, VAE, downloader, at=AT)
    assert hub.asked == []


def test_a_token_goes_nowhere(store, hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(store, hub)
    assert hub.asked
    assert not any("authorization" in asked.headers or "secret" in str(asked) for asked in hub.asked)


@pytest.mark.slow
def test_three_repositories_make_one_model_at_their_commits(store, hub) -> None:
    model = fetch(store, hub, "muq-mulan-large")
    assert model.path("xlm-roberta-base/tokenizer.json").read_bytes() == b"{3}"
    assert not model.has("mulan/model.safetensors")
    assert model.path("mulan/config.json").read_bytes() == b"{}"
    assert model.revision == "+".join([COMMIT[:12]] * 3)


def test_raw_files_come_from_where_the_table_says(store, hub, tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text(table.read_text().replace("https://raw.githubusercontent.com", f"{hub.url}/raw"))
    commit = store.spec("diffrhythm-data").sources[0].revision
    for file in store.spec("diffrhythm-data").files:
        hub.files[f"raw/ASLP-lab/DiffRhythm/{commit}/{file.origin}"] = file.path.encode()
    model = fetch(ModelStore(store.folder, table), hub, "diffrhythm-data")
    assert model.path("polychar.txt").read_bytes() == b"polychar.txt"
    assert model.revision == commit


def test_a_cut_connection_is_continued_where_it_stopped(store, hub) -> None:
    hub.cuts["vae_model.pt"] = [700_000, 300_000]
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS
    first, second, third = hub.gets("vae_model.pt")
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=700000-"
    assert third.headers["range"] == "bytes=1000000-"
    assert hub.served("vae_model.pt") == len(WEIGHTS)


@pytest.mark.slow
def test_what_came_is_kept_when_the_server_stays_away(store, hub) -> None:
    hub.cuts["vae_model.pt"] = [1_000_000]

    def goes_down(_file, _there, _size):
        hub.statuses["vae_model.pt"] = [503] * 50

    with pytest.raises(MachineError, match="continues where it stopped"):
        fetch(store, hub, watch=Watch(on_progress=goes_down))
    assert store.installed(VAE) is None
    hub.statuses.clear()
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS
    assert hub.served("vae_model.pt") == len(WEIGHTS)


def test_a_server_without_ranges_starts_anew(store, hub) -> None:
    hub.answers_ranges = False
    hub.cuts["vae_model.pt"] = [700_000]
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS
    assert hub.served("vae_model.pt") == len(WEIGHTS) + 700_000


@pytest.mark.slow
@pytest.mark.parametrize("status", [500, 429, 503])
def test_a_busy_server_is_asked_again(store, hub, status) -> None:
    hub.statuses["vae_model.pt"] = [status, status]
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS


@pytest.mark.slow
def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(store, hub) -> None:
    hub.pause_s, hub.chunk = 0.01, 1 << 17
    assert fetch(store, hub).digest == digest_bytes(WEIGHTS)
    hub.pause_s = 5.0
    with (
        Downloader(hub.url, Patience(tries=0, timeout_s=0.1)) as downloader,
        pytest.raises(MachineError, match="timed out"),
    ):
        downloader.fetch(Remote(f"{hub.cdn}/cdn/{REPO}"), store.folder / "x")


@pytest.mark.slow
def test_a_damaged_download_is_refused_removed_and_named(store, hub) -> None:
    hub.corrupt.add(REPO)
    with pytest.raises(MachineError, match=rf"vae_model\.pt was refused and removed.*expected {digest_bytes(WEIGHTS)}"):
        fetch(store, hub)
    assert store.installed(VAE) is None
    assert not list(store.folder.rglob("vae_model*"))
    hub.corrupt.clear()
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS


def test_a_small_file_is_judged_by_its_git_id(store, hub) -> None:
    hub.corrupt.add("MuQ-large-msd-iter/config.json")
    with pytest.raises(MachineError, match=r"muq-large-msd-iter/config\.json was refused.*git blob id"):
        fetch(store, hub, "muq-mulan-large")


def test_another_content_than_the_tables_is_refused_before_it_comes(tmp_path: Path, hub) -> None:
    with pytest.raises(MachineError, match="has another content than expected"):
        fetch(ModelStore(tmp_path / "strict"), hub)
    assert hub.served("vae_model.pt") == 0


@pytest.mark.slow
def test_what_the_first_pull_found_is_held(store, hub) -> None:
    fetch(store, hub)
    with install_session(store, VAE) as place:
        remove_model(place.home, forget=False)
    hub.commits |= {"main": "d0" * 20, "old": COMMIT}
    assert fetch(store, hub).revision == COMMIT, "the commit is held though the branch moved"
    with install_session(store, VAE) as place:
        remove_model(place.home, forget=False)
    hub.files[REPO] = b"rewritten history"
    with pytest.raises(MachineError, match="models remove diffrhythm-vae --forget"):
        fetch(store, hub)


@pytest.mark.slow
def test_only_what_is_damaged_comes_again(store, hub) -> None:
    damaged = fetch(store, hub, "muq-mulan-large").path("mulan/pytorch_model.bin")
    whole = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(whole[::-1])
    hub.asked.clear()
    model = fetch(store, hub, "muq-mulan-large")
    assert model.path("mulan/pytorch_model.bin").read_bytes() == whole
    assert [asked.path.rpartition("/")[2] for asked in hub.gets("")] == ["pytorch_model.bin"]


def test_a_file_that_is_not_there_is_told(store, hub) -> None:
    del hub.files[REPO]
    with pytest.raises(NotFound, match=r"vae_model\.pt is not there"):
        fetch(store, hub)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_asked_again(store, hub, status) -> None:
    hub.statuses["vae_model.pt"] = [status]
    with pytest.raises(MachineError, match=f"refused with {status}"):
        fetch(store, hub)
    assert len(hub.asked) == 1


def test_a_hub_without_an_address_is_told_at_once() -> None:
    with pytest.raises(InputError, match="SONGLINE_HUB_URL"):
        Downloader("hub.example.com")


def test_a_hub_that_is_not_there_is_told(store) -> None:
    with (
        Downloader("http://127.0.0.1:9", QUICK) as downloader,
        pytest.raises(MachineError, match="could not be fetched"),
    ):
        pull(store, VAE, downloader, at=AT, accept=True)


def test_a_checkpoint_of_ones_own_comes_from_an_address_and_goes_on_by_its_version(store, hub) -> None:
    hub.files["mine/tuned.safetensors"] = WEIGHTS
    hub.cuts["tuned.safetensors"] = [500_000]
    licence = read_table().licences["MIT"]
    with Downloader(patience=QUICK) as downloader:
        url = f"{hub.url}/mine/tuned.safetensors"
        model = add(store, "mine", url, like="diffrhythm-1.2-base", licence=licence, at=AT, downloader=downloader)
    assert model.weights.name == "cfm_model.safetensors"
    assert model.weights.read_bytes() == WEIGHTS
    second = hub.gets("tuned.safetensors")[1].headers
    assert (second["range"], "if-range" in second) == ("bytes=500000-", True)
    assert hub.served("tuned.safetensors") == len(WEIGHTS)


def test_a_file_that_changed_meanwhile_is_not_mixed(store, hub, tmp_path: Path) -> None:
    hub.files["mine/tuned.pt"] = WEIGHTS
    hub.cuts["tuned.pt"] = [500_000]
    remote, place = Remote(f"{hub.url}/mine/tuned.pt"), tmp_path / "tuned.pt"
    with Downloader(patience=Patience(tries=0, timeout_s=2.0)) as downloader, pytest.raises(MachineError):
        downloader.fetch(remote, place)
    hub.files["mine/tuned.pt"] = WEIGHTS[::-1]
    with Downloader(patience=QUICK) as downloader:
        downloader.fetch(remote, place)
    assert place.read_bytes() == WEIGHTS[::-1]


@pytest.mark.parametrize("url", ["ftp://example.com/x", "file:///etc/passwd", "cfm_model.pt"])
def test_only_the_web_is_fetched_from(tmp_path: Path, url) -> None:
    with Downloader() as downloader, pytest.raises(InputError, match="no web address"):
        downloader.fetch(Remote(url), tmp_path / "x")

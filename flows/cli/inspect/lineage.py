"""``lineage``: traces a file back to its song, with every step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text
from rich.tree import Tree

from catalog.catalog import Catalog, open_catalog
from catalog.catalog_errors import errors_translated
from catalog.common.errors import InputError
from catalog.common.settings import load_settings
from catalog.common.understood import understood
from catalog.lineage.adapters import AdapterOrigin, adapters_of
from catalog.lineage.lineage import Lineage, Node, prov_json, trace
from catalog.release.resampled import Resampled
from flows.cli.console.options import cannot_be_looked_for
from flows.cli.console.reviews import review_line
from flows.console import print_json, stdout
from tasks.delivery.identify import Identified, identify
from tasks.delivery.package.models_used import models_of


def lineage(artifact: str, *, as_json: bool, prov: bool, deep: bool) -> None:
    """Print the lineage of a file or digest, and the certainty of the match; ``deep`` adds that of its adapters."""
    path = Path(artifact)
    settings = load_settings()
    with open_catalog(settings) as catalog:  # an unreadable file is no error of the catalog
        is_file = not cannot_be_looked_for(path) and path.is_file()
        identity = identify(catalog, path) if is_file else Identified(_digest(artifact), "exact bytes")
        file_lineage = trace(
            catalog.database,
            identity.digest,
            models_of=models_of(settings),
            candidate=identity.candidate,
            alike=identity.other_artifacts,
            is_build_known=identity.is_build_known,
        )
        adapters = adapters_of(catalog.database, file_lineage) if deep else ()
        names = _adapter_names(catalog) if adapters else {}
    if prov:
        print_json(prov_json(file_lineage.root, *(adapter.root for adapter in adapters if adapter.root)))
    elif as_json:
        note = " ".join(filter(None, (identity.note, _ambiguous(file_lineage))))
        certainty = {"certainty": identity.certainty, **({"note": note} if note else {})}
        behind = {"adapters": [adapter.document() for adapter in adapters]} if deep else {}
        print_json({**file_lineage.document(), **behind, **certainty})
    else:
        with errors_translated(settings), understood():
            _print_tree(file_lineage, artifact, identity)
            _print_adapters(adapters, names)


def _digest(artifact: str) -> str:
    if re.fullmatch("[0-9a-fA-F]{0,64}", artifact):
        return artifact.lower()
    fault = "is a folder, and lineage is of a file" if Path(artifact).is_dir() else "is not there, and it is no digest"
    raise InputError(f"{artifact} {fault}", remedy="Give a delivered file, or the beginning of a digest")


def _print_tree(file_lineage: Lineage, artifact: str, identity: Identified) -> None:
    tree = Tree(Text(f"{Path(artifact).name}  {file_lineage.root.artifact['digest'][:12]}", style="bold"))
    if loss := _loss_note(file_lineage.root):
        tree.add(Text(loss, style="red"))
    _add_steps(tree, file_lineage.root, set())
    stdout().print(tree)
    if identity.certainty != "exact bytes":
        sentence = f"The file was changed after it was delivered. Known by: {identity.certainty}. {identity.note or ''}"
        stdout().print(Text(sentence.rstrip(), style="yellow"), soft_wrap=True)
    if sentence := _ambiguous(file_lineage):
        stdout().print(Text(sentence, style="yellow"), soft_wrap=True)
    for origin in file_lineage.origins:
        stdout().print(Text(f"{origin.album_id}, build {origin.build}: {origin.song}"), soft_wrap=True)
    for build in dict.fromkeys(origin.build for origin in file_lineage.origins if not origin.is_kept):
        sentence = f"The files of build {build} were removed from the store; what the catalog knows of them stays."
        stdout().print(Text(sentence, style="yellow"), soft_wrap=True)
    for song in file_lineage.own:
        recipe = song["recipe"]
        stdout().print(Text(f"{song['song']['title']}  ({song['candidate']})", style="bold"))
        stdout().print(Text(f"  prompt   {song['prompt'] or '-'}"), soft_wrap=True)
        stdout().print(f"  engine   {recipe['engine']} revision {recipe['revision']}, seed {recipe['seed']}")
        if song["decision"]:
            stdout().print(Text(f"  decision {song['decision']['sentence']}"), soft_wrap=True)
        for review in song.get("reviews", ()):
            stdout().print(Text(f"  {review_line(review)}"), soft_wrap=True)
    for song in file_lineage.songs[len(file_lineage.own) :]:
        sentence = f"{song['relation']}: {song['song']['title']} of {song['album']}  ({song['candidate']})"
        stdout().print(Text(sentence, style="dim"), soft_wrap=True)


def _print_adapters(adapters: Sequence[AdapterOrigin], names: Mapping[str, str]) -> None:
    """Each adapter with the rights and the recordings that it was trained on."""
    for adapter in adapters:
        name = names.get(adapter.digest, "(not among the models here)")
        sentence = f"adapter {name}  {adapter.digest[:12]} at {adapter.weight:g}"
        stdout().print(Text(sentence, style="bold"), soft_wrap=True)
        if adapter.root is None:
            stdout().print("  was not trained in this catalog")
            continue
        stdout().print(Text(f"  rights   {adapter.rights}"), soft_wrap=True)
        stdout().print(f"  training {adapter.training} ({_day(adapter.trained_at)})", soft_wrap=True)
        for song in adapter.songs:
            use = "  held out" if song.held_out else ""
            stdout().print(Text(f"  song     {song.name}  {song.audio[:12]}{use}"), soft_wrap=True)


def _adapter_names(catalog: Catalog) -> dict[str, str]:
    """The names that adapters have among the models of this machine, by their digests."""
    names: dict[str, list[str]] = {}
    for name, spec in sorted(catalog.models.specs().items()):
        if spec.adapter is not None:
            names.setdefault(spec.adapter.digest, []).append(name)
    return {digest: ", ".join(found) for digest, found in names.items()}


def _ambiguous(file_lineage: Lineage) -> str:
    """A sentence where several albums delivered an identical file; empty otherwise."""
    if len(file_lineage.albums) < 2:
        return ""
    return (
        f"The albums {', '.join(file_lineage.albums)} share it: nothing in it says which of them it was delivered with."
    )


def _loss_note(node: Node) -> str:
    """A note where an artifact's bytes are lost or were removed; empty where they exist."""
    loss: Any = node.artifact.get("lost")
    removed_at: Any = node.artifact.get("removed_at")
    if removed_at is not None:
        return f"its bytes were removed on {_day(removed_at)}"
    if not loss:
        return ""
    day = _day(loss["accepted_at"])
    return f"its bytes are lost (found {loss['found']}, accepted by {loss['accepted_by']} on {day})"


def _day(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).date().isoformat()


def _add_steps(tree: Tree, node: Node, seen: set[str]) -> None:
    if node.activity is None:
        tree.add(Text("given by the user", style="dim"))
        return
    activity = node.activity
    label = (
        f"{activity['kind']} · {activity['seconds']:.1f} s · attempt {activity['attempt']} · {activity['code_version']}"
    )
    found: Any = activity.get("found")
    if found and found.get("resampled"):
        label += f" · {Resampled.model_validate(found['resampled']).sentence}"
    branch = tree.add(Text(label, style="cyan"))
    for role, child in node.used:
        digest = str(child.artifact["digest"])
        loss = f"  {_loss_note(child)}" if _loss_note(child) else ""
        leaf = branch.add(Text(f"{role}  {digest[:12]}  {child.artifact['media_type']}{loss}"))
        if digest not in seen:
            seen.add(digest)
            _add_steps(leaf, child, seen)

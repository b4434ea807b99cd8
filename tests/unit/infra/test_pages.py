"""The pages say what is: links lead somewhere, commands and options exist, paths are there."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.cli.console.help import Heading
from infra.reference import commands, manifest
from infra.reference.checks import MEANINGS
from tasks.acceptance.findings import CHECKS

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
MAKE_TARGETS = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PACKAGES = ("catalog", "db", "flows", "infra", "tasks", "tests", "examples")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text: str) -> Iterator[str]:
    """Lines of shell blocks, continued ones joined, and code within sentences."""
    for block in re.findall(r"```(?:sh|text)?\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@cache
def by_words() -> dict[tuple[str, ...], Any]:
    return dict(commands.leaves(commands.root()))


def fault_of(line: str) -> str | None:
    """What is wrong with a line that names a command; None where it is right, or names none."""
    used = re.search(r"(?:^|[ (])songline ((?:[a-z-]+|--[a-z-]+)(?: .*)?)$", line.partition("#")[0].rstrip())
    if used is None or line.lstrip().startswith(("error:", "Usage:")):
        return None
    words = [word.strip("[]") for word in shlex.split(used[1].replace("'", '"').split(">")[0].split("&&")[0])]
    if words[0].startswith("--"):
        root_help = commands.root().get_help(typer.Context(commands.root(), info_name="songline"))
        return None if words[0] in root_help else f"songline has no option {words[0]}"
    found = next((w for n in (2, 1) if (w := tuple(words[:n])) in by_words()), None)
    if found is None:
        groups = {w[0] for w in by_words() if len(w) > 1}
        return None if words[0] in groups and len(words) == 1 else f"there is no command {' '.join(words[:2])}"
    text = commands.help_text(" ".join(found), by_words()[found])
    unknown = [word for word in words if word.startswith("--") and not re.search(rf"{word.split('=')[0]}\b", text)]
    return f"{' '.join(found)} has no option {unknown[0]}" if unknown else None


def test_every_command_has_a_summary_of_its_own() -> None:
    names: dict[str, list[str]] = {}
    for words, command in by_words().items():
        names.setdefault(command.get_short_help_str(200), []).append(" ".join(words))
    assert {summary: named for summary, named in names.items() if len(named) > 1 or not summary} == {}


def test_finishing_explains_every_finding_of_reading_back() -> None:
    source = (ROOT / "tasks/delivery/readback.py").read_text(encoding="utf-8")
    text = (ROOT / "docs/finishing.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\"(read_back_\w+)\"", source))
    assert len(names) == 7
    assert {name for name in names if f"| `{name}` |" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_exist(page: Path) -> None:
    faults = {line: fault for line in code(page.read_text(encoding="utf-8")) if (fault := fault_of(line))}
    assert faults == {}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("songline rendr album.yaml", "there is no command rendr album.yaml"),
        ("songline render album.yaml --untill score", "render has no option --untill"),
        ("songline models pul x", "there is no command models pul"),
        ("songline --versoin", "songline has no option --versoin"),
        ("songline render album.yaml --out releases   # a comment", None),
        ("songline models", None),
    ],
)
def test_a_wrong_command_is_found(line: str, fault: str | None) -> None:
    assert fault_of(line) == fault


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_and_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    made = set(re.findall(r"(?:^|`|&& |\n)make ([a-z][\w-]*|\.venv/\.\w+)", text)) - {"sure"}
    assert made <= MAKE_TARGETS | {".venv/.core", ".venv/.dev"}
    if page.parent.name == "decisions":  # files as they were then
        return
    if page.parent.name == "cookbook":  # files that the reader writes
        written = set(re.findall(r"`([\w/]+\.py)`:\n\n```python", text))
        tests = set(re.findall(r"\btests/[\w/]+\.py", text))
        assert [path for path in sorted(tests - written) if not (ROOT / path).exists()] == []
        return
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)})/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_readme_is_short_and_says_how_to_begin() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert {"make album", "make test"} <= {line.split("  ")[0] for line in text.splitlines()}
    assert "(examples/night-bus/listening-page.png)" in text


def test_the_manifest_of_the_readme_is_one(tmp_path: Path) -> None:
    from catalog.common.settings import Settings
    from flows.planning.read_manifest import read_album

    block = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    lyrics = tmp_path / "lyrics" / "last-bus.lrc"
    lyrics.parent.mkdir()
    lyrics.write_text("[00:12.50]one line of words\n")
    (tmp_path / "album.yaml").write_text(block[1], encoding="utf-8")
    album = read_album(tmp_path / "album.yaml", Settings(home=tmp_path / "home"))
    assert (album.id, len(album.songs[0].seeds)) == ("night-bus", 4)


def test_the_layers_of_the_architecture_page_are_the_contracts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = next(text for text in re.findall(r"```\n(.*?)```", page, re.DOTALL) if text.startswith("flows      cli"))
    drawn = [re.split(r"  +", line[11:].rstrip())[0] for line in block.splitlines() if line.strip()]
    layered = [contract for contract in contracts if contract["type"] == "layers" and "containers" in contract]
    assert drawn == [layer for contract in layered for layer in contract["layers"]]


def test_every_page_stands_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


def test_every_part_of_the_manifest_and_every_check_is_described() -> None:
    parts = manifest.schema()["$defs"]
    assert set(parts) - set(manifest.ALIKE) == set(manifest.PARTS.values())
    assert all(parts[part] == parts[described] for part, described in manifest.ALIKE.items())
    assert set(MEANINGS) == set(CHECKS)


def test_every_command_stands_under_a_heading_with_its_whole_sentence() -> None:
    root = commands.root()
    text = root.get_help(typer.Context(root, info_name="songline", terminal_width=80))
    lines = text.splitlines()[1:]
    assert [line for line in lines if line.endswith("...")] == []
    assert [line[:-1] for line in lines if line.endswith(":") and line != "Options:"] == list(Heading)
    assert all(f"\n  {name} " in text for name in root.commands)


def test_no_two_commands_say_the_same_of_themselves() -> None:
    commands_of = Counter(command.get_short_help_str(limit=200) for command in by_words().values())
    assert [sentence for sentence, count in commands_of.items() if count > 1] == []


def test_the_examples_of_the_help_are_commands_there_are() -> None:
    lines = [line.strip() for command in by_words().values() for line in (command.epilog or "").splitlines()]
    examples = [line for line in lines if line.startswith("songline ")]
    assert len(examples) > 40
    assert {line: fault for line in examples if (fault := fault_of(line))} == {}


def test_the_cookbook_imports_from_modules_there_are() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "cookbook").glob("*.md"))
    made = {path[:-3].replace("/", ".") for path in re.findall(r"`((?:tasks|catalog)/[\w/]+\.py)`", text)}
    written = {"tasks.scoring.measures.texture", "tasks.engines.tone.renderer", "tasks.engines.tone.engine"}
    imported = set(re.findall(r"^ *from ((?:catalog|flows|tasks|tests)\.[\w.]+) import", text, re.MULTILINE)) | made
    assert [name for name in sorted(imported - written) if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []

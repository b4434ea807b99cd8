"""A lead sheet as a drawing: SVG of A4 width, one tall page, four bars a line or fewer where the words need room.

Verovio engraves the MusicXML; what it gives is then reduced to shapes and text: nothing that runs, loads or links, text
in fonts that every system has, and colours that follow a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from threading import Lock
from xml.etree import ElementTree as ET

from catalog.common.errors import WorkError
from catalog.notation.lead_sheet import LeadSheet
from tasks.notation.music_xml import SheetHead, music_xml
from tasks.notation.xml_text import document, one_line

SVG = "image/svg+xml"
_NAMESPACE = "http://www.w3.org/2000/svg"
_SEED = 1
_LOCK = Lock()

PAGE_WIDTH_MM = 210
PAGE_WIDTH_UNITS = 2100
_TALLEST = 60_000
"""The most that Verovio takes as the height of a page, in its units."""

_OPTIONS: Mapping[str, object] = {
    "adjustPageHeight": True,
    "breaks": "encoded",
    "font": "Leland",
    "footer": "none",
    "header": "none",
    "inputFrom": "musicxml",
    "minLastJustification": 0.0,
    "lyricSize": 4.6,
    "lyricWordSpace": 1.5,
    "pageHeight": _TALLEST,
    "pageMarginLeft": 110,
    "pageMarginRight": 90,
    "pageMarginTop": 90,
    "pageMarginBottom": 90,
    "pageWidth": PAGE_WIDTH_UNITS,
    "scale": 100,
    "spacingNonLinear": 0.55,
    "spacingSystem": 8,
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "svgViewBox": True,
    "xmlIdSeed": _SEED,
}

_KEPT = frozenset(
    ("circle", "defs", "ellipse", "g", "line", "path", "polygon", "polyline", "rect", "svg", "text", "tspan", "use")
)
_ATTRIBUTES = frozenset(
    (
        *("color", "cx", "cy", "d", "fill", "height", "href", "id", "overflow", "points", "r", "rx", "ry", "stroke"),
        *("stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-width", "text-anchor", "transform"),
        *("viewBox", "fill-opacity", "stroke-opacity", "width", "x", "x1", "x2", "y", "y1", "y2"),
    )
)
_MUSIC_TEXT: Mapping[str, str] = {
    "\ue260": "♭", "\ue261": "♮", "\ue262": "♯", "\ue263": "𝄪", "\ue264": "♭♭",
    "\ued60": "♭", "\ued61": "♮", "\ued62": "♯", "\ued63": "𝄪", "\ued64": "♭♭",
    "\uea63": "♭♭", "\uea64": "♭", "\uea65": "♮", "\uea66": "♯", "\uea67": "𝄪",
    "\ueca3": "𝅗𝅥", "\ueca5": "♩", "\ueca7": "♪", "\ue1d5": "♩", "\ue1d7": "♪",
}  # fmt: skip
"""Signs of the music font in lines of text (SMuFL), and the characters of ordinary fonts for them."""

_STYLE = (
    "svg{color:#000;fill:currentColor;background:#fff}"
    "@media screen and (prefers-color-scheme:dark){svg{color:#eee;background:#16181d}}"
    "path,polygon,polyline,rect,ellipse{stroke:currentColor}"
    ".reh,.tempo{font-weight:bold}.dir,.mNum{font-style:italic}"
)
_CLASSES = ("reh", "tempo", "dir", "mNum")
_DRAWN_SMALLER: Mapping[str, float] = {"syl": 0.85, "harm": 0.9, "reh": 0.85}
"""Words and chords are spaced for a narrow font at their size, and drawn smaller, so that a wider one has room too."""

_TITLE_MM, _NAMES_MM, _HEAD_MM = 7.0, 4.0, 26.0
_LONGEST_TITLE_MM = 320.0
_FONTS = "'Times New Roman','Liberation Serif',Times,serif"


def engraved(sheet: LeadSheet, head: SheetHead) -> bytes:
    """The bytes of the drawing, the same for the same sheet. Raises WorkError where it cannot be engraved."""
    pages = [ET.fromstring(page) for page in _pages(music_xml(sheet, head, is_drawn=True).decode())]
    return document(_reduced(pages, head), is_indented=False)


def _pages(score: str) -> list[str]:
    """Verovio's drawings of a score in MusicXML, by page: one at a time, as its names of elements are counted in the
    process, and with its fonts stated again, as each thread has its own."""
    import verovio

    with _LOCK:
        verovio.enableLog(verovio.LOG_OFF)
        verovio.setDefaultResourcePath(str(resources.files("verovio") / "data"))
        toolkit = verovio.toolkit()
        toolkit.setOptions(dict(_OPTIONS))
        if not toolkit.loadData(score):
            raise WorkError("the lead sheet cannot be drawn", remedy="Report this with the manifest of the song")
        return [toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1)]


def _reduced(pages: Sequence[ET.Element], head: SheetHead) -> ET.Element:
    """The pages of a drawing below each other, under their title, with shapes and text only."""
    ET.register_namespace("", _NAMESPACE)
    sizes = [[float(value) for value in page.get("viewBox", "0 0 1 1").split()[2:]] for page in pages]
    unit = PAGE_WIDTH_UNITS / PAGE_WIDTH_MM
    height = _HEAD_MM * unit + sum(size[1] for size in sizes)
    root = ET.Element(
        _name("svg"),
        viewBox=f"0 0 {PAGE_WIDTH_UNITS:g} {height:g}",
        width=f"{PAGE_WIDTH_MM}mm",
        height=f"{height / unit:.2f}mm",
        role="img",
    )
    root.set("font-family", _FONTS)
    ET.SubElement(root, _name("title")).text = f"Lead sheet: {one_line(head.title)}"
    ET.SubElement(root, _name("style")).text = _STYLE
    _write_head(root, head, unit)
    top = _HEAD_MM * unit
    for page, (page_width, page_height) in zip(pages, sizes, strict=True):
        music = ET.SubElement(root, _name("svg"), y=f"{top:g}", width=f"{page_width:g}", height=f"{page_height:g}")
        music.set("viewBox", f"0 0 {page_width:g} {page_height:g}")
        referenced = {element.get("href", "")[1:] for element in page.iter(_name("use"))}
        for element in page:
            _copy(element, music, referenced, 1.0)
        top += page_height
    return root


def _write_head(root: ET.Element, head: SheetHead, unit: float) -> None:
    """The title in the middle, smaller where it is long; the writers at the right, under it."""
    width = PAGE_WIDTH_MM * unit
    title = one_line(head.title)
    size = min(_TITLE_MM, _LONGEST_TITLE_MM / max(1, len(title)))
    _line(root, title, width / 2, 14 * unit, size * unit, "middle")
    names = ", ".join(dict.fromkeys(filter(None, (one_line(head.lyricist), one_line(head.composer)))))
    size = min(_NAMES_MM, _LONGEST_TITLE_MM / max(1, len(names)))
    _line(root, names, width - 9 * unit, 22 * unit, size * unit, "end")


def _line(root: ET.Element, text: str, x: float, y: float, size: float, anchor: str) -> None:
    if text:
        line = ET.SubElement(root, _name("text"), x=f"{x:.1f}", y=f"{y:.1f}")
        line.set("font-size", f"{size:.1f}px")
        line.set("text-anchor", anchor)
        line.text = text


def _copy(element: ET.Element, parent: ET.Element, referenced: set[str], scale: float) -> None:
    """Copy what is drawn of an element, without invisible marks, plain groups and names that nothing refers to.

    ``scale`` is that of the size of text in it.
    """
    name, kinds = element.tag.rpartition("}")[2], element.get("class", "").split()
    if name not in _KEPT or "placeholder" in kinds:
        return
    scale = next((_DRAWN_SMALLER[kind] for kind in kinds if kind in _DRAWN_SMALLER), scale)
    if name == "text":
        _copy_text(element, parent, scale)
        return
    attributes = _attributes(element, kinds, referenced)
    if not attributes.get("href", "#").startswith("#"):
        return
    is_plain = name == "g" and not attributes
    copied = parent if is_plain else ET.SubElement(parent, element.tag, attributes)
    for inner in element:
        _copy(inner, copied, referenced, scale)
    if name in ("g", "defs") and not is_plain and not len(copied):
        parent.remove(copied)


def _attributes(element: ET.Element, kinds: list[str], referenced: set[str]) -> dict[str, str]:
    attributes = {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES}
    if attributes.get("id", "") not in referenced:
        attributes.pop("id", None)
    if kind := next((kind for kind in kinds if kind in _CLASSES), None):
        attributes["class"] = kind
    if element.tag == _name("svg"):
        attributes["color"] = "currentColor"
        attributes.pop("font-family", None)
    return attributes


def _copy_text(element: ET.Element, parent: ET.Element, scale: float) -> None:
    """A line of text as its pieces of one size each, signs of the music font replaced."""
    kept = ("x", "y", "text-anchor")
    copied = ET.SubElement(parent, element.tag, {key: element.attrib[key] for key in kept if key in element.attrib})
    leaves = [leaf for leaf in element.iter(_name("tspan")) if (leaf.text or "") and not len(leaf)]
    size = next((leaf.get("font-size", "") for leaf in leaves if "font-family" not in leaf.attrib), "405px")
    pieces: list[tuple[str, str, str | None]] = []
    for leaf in leaves:
        is_music = "font-family" in leaf.attrib
        text = "".join(_MUSIC_TEXT.get(character, character) for character in leaf.text or "")
        pieces.append((text, size if is_music else leaf.get("font-size", size), leaf.get("x")))
    if pieces:
        text, size, x = pieces[-1]
        pieces[-1] = text.rstrip("\u00a0"), size, x
    _write_pieces(copied, [(text, _scaled(size, scale), x) for text, size, x in pieces])
    if not pieces:
        parent.remove(copied)


def _scaled(size: str, scale: float) -> str:
    return f"{float(size.removesuffix('px')) * scale:g}px"


def _write_pieces(text: ET.Element, pieces: list[tuple[str, str, str | None]]) -> None:
    sizes = {size for _, size, _ in pieces}
    if len(sizes) == 1 and not any(x for _, _, x in pieces):
        text.set("font-size", sizes.pop())
        text.text = "".join(piece for piece, _, _ in pieces)
        return
    for piece, size, x in pieces:
        span = ET.SubElement(text, text.tag.replace("text", "tspan"), {"font-size": size})
        span.text = piece
        if x:
            span.set("x", x)


def _name(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"

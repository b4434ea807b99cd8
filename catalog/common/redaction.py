"""Removes secrets from URLs, and from texts that contain URLs, before they are shown, logged or stored."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

HIDDEN = "***"

_PUBLIC_SCHEMES = frozenset(
    {"http", "https", "s3", "ftp", "ftps", "sftp", "ssh", "git", "ws", "wss", "socks4", "socks5", "socks5h", "redis"}
    | {"rediss", "amqp", "amqps", "mysql", "postgres", "postgresql"}
)
"""Schemes whose host and path may be shown. In others (``slack://TOKEN/TOKEN``) any part may be secret."""
_LOCAL_SCHEMES = frozenset({"sqlite", "file"})
"""URLs of local files; they contain no password, and ``?`` and ``#`` may be part of a name."""
_PLACEHOLDER = re.compile(r"[A-Z_]+:[A-Z_]+")
"""``USER:PASSWORD`` as help texts and remedies write it."""
_SECRET_PATHS = re.compile(
    r"^(?:hooks\.slack(?:-gov)?\.com|(?:[\w-]+\.)*discord(?:app)?\.com|api\.telegram\.org|(?:[\w-]+\.)*webhook\.office\.com"
    r"|outlook\.office(?:365)?\.com|chat\.googleapis\.com|(?:[\w-]+\.)*logic\.azure\.com|events\.pagerduty\.com"
    r"|api\.opsgenie\.com|maker\.ifttt\.com|hooks\.zapier\.com)$",
    re.IGNORECASE,
)
"""Webhook hosts, where the path is the secret."""

_URL = re.compile(
    r"(?:(?<=(?P<quote>[\"'`])))?(?P<scheme>[A-Za-z][A-Za-z0-9]*)(?P<driver>\+[A-Za-z0-9.+-]+)?:(?P<slashes>/{2,3})"
    r"(?P<rest>[^\s\"'`<>|\\?#]*(?:[?#](?(quote)(?:(?!(?P=quote))[^\r\n])*|\S*(?:[ ][^\s&]*&[\w.%-]+=\S*)*))?)"
)
"""A URL. Its query may contain anything, including raw quotes and bars: it ends at the quote that opened the URL,
otherwise at white space that no further parameter follows."""
_ENCODED_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{0,32}%(?:25){0,4}3A%(?:25){0,4}2F%(?:25){0,4}2F[^\s\"'`<>&]*", re.IGNORECASE
)
_MOST_ENCODINGS = 6
_TRAILING = ".,;:)]}!\"'"
_BARE_LOGIN = re.compile(r"(?<![\w@.%+-])(?P<login>[\w.%+-]{1,256}:[^\s/\"'`<>]{1,256})@(?=[\w\[])")
_NAMED = re.compile(
    r"(?P<name>(?<![A-Za-z0-9])(?:[\w-]{0,64}[-_.])?(?:password|passwd|pwd|secret|token|api[-_]?key|access[-_]?key(?:[-_]id)?"
    r"|secret[-_]?key|amz[-_]signature|credential|sslpassword)|(?<=[?&])(?:sig|signature))(?P<between>\\*[\"']?\s*[:=]\s*)"
    r"(?P<value>\*{3}(?![^\s\"'\\,;)}\]])|b?(?P<escape>\\*)(?P<mark>[\"'])(?:(?!(?<!\\)(?P=escape)(?P=mark))[^\r\n])*"
    r"(?:(?P=escape)(?P=mark))?|[^\s&;,)\"']+)",
    re.IGNORECASE,
)
"""A secret by its name. ``signature`` alone is a musical term, and a secret only in a query."""
_HEADER = re.compile(
    r"\b(?P<name>(?:proxy-)?authorization\\*[\"']?\s*[:=]\s*b?\\*[\"']?)(?P<kind>[A-Za-z][\w-]*[ \t]+)?"
    r"(?P<value>(?<=digest )[^\r\n]+|(?<=hmac-sha256 )[^\r\n]+|[^\s\"'\\]+)",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"\b(?P<kind>bearer|basic)(?P<space>\s+)(?P<value>[A-Za-z0-9._~+/=-]{4,})", re.IGNORECASE)
_LONG = 20
_TOKEN = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|xox[a-z]-[\w-]{10,})"
)


def redacted(text: str) -> str:
    """The text with the secrets of all URLs in it redacted: user and password, query, fragment, a webhook's path.

    Also redacted: ``password=…`` and similar, credentials of an Authorization header, tokens with a known form. A
    text without any of these is returned unchanged.
    """
    if "%" in text:
        text = _ENCODED_URL.sub(_decoded_without_secrets, text)
    if "://" in text:
        text = _URL.sub(_without_secrets, text)
    if "@" in text:
        text = _BARE_LOGIN.sub(_without_login, text)
    text = _HEADER.sub(rf"\g<name>\g<kind>{HIDDEN}", text)
    if "=" in text or ":" in text:
        text = _NAMED.sub(_without_value, text)
    text = _CREDENTIALS.sub(_without_credentials, text)
    return _TOKEN.sub(HIDDEN, text)


def shareable(url: str) -> str:
    """A URL that can be opened and shared: without user, password, query and fragment."""
    redacted_url = redacted(url)
    return re.sub(rf"[?#]{re.escape(HIDDEN)}", "", redacted_url.replace(f"{HIDDEN}@", "", 1))


def _without_secrets(match: re.Match[str]) -> str:
    scheme, rest = match["scheme"].lower(), match["rest"]
    if scheme in _LOCAL_SCHEMES:
        return match[0]
    address = rest.rstrip(_TRAILING)
    ending = rest[len(address) :]
    prefix = f"{match['scheme']}{match['driver'] or ''}:{match['slashes']}"
    if not address:
        return match[0]
    if scheme not in _PUBLIC_SCHEMES:
        return f"{prefix}{HIDDEN}{ending}"
    login, place = _split_login(address)
    if login and not _PLACEHOLDER.fullmatch(login):
        login = HIDDEN
    place = _without_query(place)
    return f"{prefix}{login}{'@' if login else ''}{place}{ending}"


def _split_login(address: str) -> tuple[str, str]:
    """User and password, and the rest. A password that is not percent-encoded may contain any of ``/?#@``."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    if "@" in authority:
        # As browsers do: the last @ before the path. A later one counts where the first part is not a host.
        login, _, host = authority.rpartition("@")
        return login, host + address[len(authority) :]
    head, colon, port = authority.partition(":")
    if colon and head and not authority.startswith("[") and not port.isdecimal() and "@" in address:
        login, _, place = address.rpartition("@")
        return login, place
    if colon and port and not authority.startswith("[") and not port.isdecimal() and not port.isupper():
        return "", f"{head}:{HIDDEN}"  # a login whose end was cut off at a quote or a space
    return "", address


def _without_query(place: str) -> str:
    path = re.split(r"[?#]", place, maxsplit=1)[0]
    query = f"?{HIDDEN}" if "?" in place.split("#", 1)[0] else ""
    fragment = f"#{HIDDEN}" if "#" in place else ""
    host, slash, subpath = path.partition("/")
    name = unquote(host).partition(":")[0]
    if slash and subpath and _SECRET_PATHS.fullmatch(name):
        return f"{host}/{HIDDEN}"
    return f"{path}{query}{fragment}"


def _without_login(match: re.Match[str]) -> str:
    return match[0] if _PLACEHOLDER.fullmatch(match["login"]) else f"{HIDDEN}@"


def _decoded_without_secrets(match: re.Match[str]) -> str:
    """A percent-encoded URL, as inside another URL: decoded and redacted where it contains a secret, else unchanged."""
    address = match[0]
    for _ in range(_MOST_ENCODINGS):
        if "://" in address:
            break
        address = unquote(address)
    redacted_address = redacted(address)
    return match[0] if redacted_address == address else redacted_address


def _without_value(match: re.Match[str]) -> str:
    """``password=***`` and similar. A plain word after a colon, as in ``SECRET_KEY: this is no key``, is prose."""
    name, separator, value = match["name"], match["between"], match["value"]
    is_plain_word = value.rstrip(_TRAILING).isalpha() and match["mark"] is None
    if ":" in separator and is_plain_word and (name.isupper() or name.lower() == "secret"):
        return match[0]
    return f"{name}{separator}{HIDDEN}"


def _without_credentials(match: re.Match[str]) -> str:
    """``Basic ***`` where a user and a password are encoded, ``Bearer ***`` before anything but a plain word."""
    value = match["value"]
    if match["kind"].lower() == "basic":
        is_secret = _holds_login(value)
    else:
        is_secret = len(value) >= _LONG or any(not character.isalpha() for character in value.rstrip(_TRAILING))
    return f"{match['kind']}{match['space']}{HIDDEN}" if is_secret else match[0]


def _holds_login(encoded: str) -> bool:
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except ValueError:
        return False

"""Which path a request target names: pure, called for every request by every front end.

Two targets are the same path when RFC 3986 calls them equivalent after syntax-based normalization (section 6.2.2):
percent-encoded unreserved characters are decoded, the hexadecimal digits of all others are uppercase, dot segments
are removed. Letter case of the path itself and empty segments (`//`) are significant. A byte that RFC 3986 does not
allow in a path is percent-encoded, as its sender should have done, so the result is always printable ASCII and needs
no escaping inside a JSON string.
"""

import re

from counter_service.errors import InvalidPathError, PathTooLongError

# RFC 3986 section 3.3: pchar = unreserved / pct-encoded / sub-delims / ":" / "@".
_UNRESERVED = r"A-Za-z0-9._~\-"
_ALREADY_NORMAL = re.compile(rf"/[{_UNRESERVED}!$&'()*+,;=:@/]*")
_ENCODED_OR_FORBIDDEN = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}!$&'()*+,;=:@/]")
_UNRESERVED_CHARACTER = re.compile(rf"[{_UNRESERVED}]")
_ABSOLUTE_FORM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]+")
_CONTROL_CHARACTER_END = 0x20
_DELETE = 0x7F


def normalize_path(target: str, max_path_bytes: int) -> str:
    """Return the normalized path of a request target.

    Args:
        target: request target in origin or absolute form (RFC 9112 section 3.2), bytes beyond ASCII decoded as UTF-8
        with
            surrogateescape; its query is ignored.
        max_path_bytes: longest normalized path to accept, bytes.

    Returns:
        The path, ASCII, beginning with "/"; normalizing it again changes nothing.

    Raises:
        InvalidPathError: the target is no path, or holds an incomplete percent escape, a "#" or a control character.
        PathTooLongError: the normalized path is longer than max_path_bytes.
    """
    path = target.partition("?")[0]
    if not path.startswith("/"):
        path = _path_of_absolute_form(path)
    if not _ALREADY_NORMAL.fullmatch(path):
        path = _ENCODED_OR_FORBIDDEN.sub(_normal_encoding, path)
    if "/." in path:
        path = _remove_dot_segments(path)
    if len(path) > max_path_bytes:
        raise PathTooLongError(f"The path is {len(path)} bytes long; this counter takes at most {max_path_bytes}.")
    return path


def _path_of_absolute_form(target: str) -> str:
    authority = _ABSOLUTE_FORM.match(target)
    if authority is None:
        raise InvalidPathError("The request target must be a path that begins with a slash.")
    return target[authority.end() :] or "/"


def _normal_encoding(match: re.Match[str]) -> str:
    text = match.group()
    if len(text) == len("%41"):
        character = chr(int(text[1:], 16))
        return character if _UNRESERVED_CHARACTER.fullmatch(character) else text.upper()
    if text == "%":
        raise InvalidPathError("A percent sign in the path must be followed by two hexadecimal digits.")
    if text == "#" or ord(text) < _CONTROL_CHARACTER_END or ord(text) == _DELETE:
        raise InvalidPathError(f"The path holds {text!r}, which must be percent-encoded.")
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def _remove_dot_segments(path: str) -> str:
    """Do what RFC 3986 section 5.2.4 does, for a path that begins with a slash."""
    segments = path[1:].split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)

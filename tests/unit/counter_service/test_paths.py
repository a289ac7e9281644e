"""Which targets are the same path: RFC 3986 normalization, what is refused, and that it is stable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter_service.errors import InvalidPathError, PathTooLongError
from counter_service.paths import normalize_path

LIMIT = 2048
targets = st.text(st.characters(exclude_characters="%#?", min_codepoint=0x20, exclude_categories=("Cs", "Cc")))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a?x=1&y=/2", "/a"),
        ("/A", "/A"),
        ("//a//", "//a//"),
        ("/%61%7E%2d", "/a~-"),
        ("/%2f%c3%a4", "/%2F%C3%A4"),
        ("/ä", "/%C3%A4"),
        ("/\udce4", "/%E4"),
        ('/"\\^`{|}<>', "/%22%5C%5E%60%7B%7C%7D%3C%3E"),
        ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/c", "/c"),
        ("/../..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/.a/..b", "/.a/..b"),
        ("http://example.org/a", "/a"),
        ("http://example.org?x", "/"),
    ],
)
def test_target_names_the_path(target: str, path: str) -> None:
    assert normalize_path(target, LIMIT) == path


@pytest.mark.parametrize(
    "target", ["", "*", "a", "example.org:443", "/%", "/%2", "/%zz", "/a#b", "/\0", "/\x7f", "/%%41"]
)
def test_target_that_is_no_path_is_refused(target: str) -> None:
    with pytest.raises(InvalidPathError):
        normalize_path(target, LIMIT)


def test_limit_is_on_the_normalized_path() -> None:
    assert normalize_path("/%61%61%61", 4) == "/aaa"
    with pytest.raises(PathTooLongError):
        normalize_path("/ä", 4)


@given(targets)
def test_normalizing_is_idempotent_and_safe_in_json(target: str) -> None:
    path = normalize_path("/" + target, 10**6)
    assert normalize_path(path, 10**6) == path
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(' "\\')


@given(st.binary())
def test_every_byte_has_one_encoding(octets: bytes) -> None:
    upper = "/" + "".join(f"%{octet:02X}" for octet in octets)
    assert normalize_path(upper, 10**6) == normalize_path(upper.lower(), 10**6)

"""Which kind and kubectl will do, and where the others are downloaded from."""

import hashlib
from pathlib import Path

import pytest

from infra.kind import pins
from infra.kind.download import UnreachableError, download_program
from infra.kind.errors import ClusterError
from infra.kind.tools import Tools, kind_fits, kubectl_fits, parse_version, release_urls


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.36.4", (1, 36, 4)),
        ("v0.33.0", (0, 33, 0)),
        ("v1.36.4-dispatcher", None),
        ("v1.36.4+k3s1", None),
        ("1.36.4", None),
        ("", None),
    ],
)
def test_only_a_plain_release_has_a_version(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("v1.35.0", True),
        ("v1.36.9", True),
        ("v1.37.2", True),
        ("v1.34.9", False),
        ("v1.38.0", False),
        ("v2.36.0", False),
    ],
)
def test_kubectl_may_be_one_minor_version_away(text: str, fits: bool) -> None:
    assert kubectl_fits(parse_version(text)) is fits


def test_a_vendor_s_kubectl_does_not_fit() -> None:
    assert not kubectl_fits(parse_version("v1.36.4-gke.100"))


def test_kind_has_to_be_new_enough_for_the_node_image() -> None:
    assert kind_fits(parse_version(pins.KIND))
    assert not kind_fits(parse_version("v0.20.0"))
    assert not kind_fits(None)


def test_releases_are_named_as_their_projects_name_them() -> None:
    kind, checksum = release_urls("kind", "linux", "x86_64")
    assert kind.endswith(f"/{pins.KIND}/kind-linux-amd64")
    assert checksum == f"{kind}.sha256sum"
    kubectl, checksum = release_urls("kubectl", "darwin", "arm64")
    assert kubectl == f"https://dl.k8s.io/release/{pins.KUBERNETES}/bin/darwin/arm64/kubectl"
    assert checksum == f"{kubectl}.sha256"


def test_a_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    there = tmp_path / "kind"
    there.touch()
    assert Tools(str(there), str(tmp_path / "kubectl")).missing == ["kubectl"]


def _published(folder: Path, checksum: str) -> tuple[str, str]:
    (folder / "program").write_bytes(b"#!/bin/sh\n")
    (folder / "checksum").write_text(f"{checksum}  program\n")
    return (folder / "program").as_uri(), (folder / "checksum").as_uri()


def test_a_download_is_put_in_place_when_its_checksum_is_right(tmp_path: Path) -> None:
    target = tmp_path / "bin" / "program"
    download_program(*_published(tmp_path, hashlib.sha256(b"#!/bin/sh\n").hexdigest()), target)
    assert target.read_bytes() == b"#!/bin/sh\n"
    assert target.stat().st_mode & 0o111


def test_a_download_with_another_checksum_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "bin" / "program"
    with pytest.raises(ClusterError, match="has the checksum"):
        download_program(*_published(tmp_path, "0" * 64), target)
    assert not target.exists()


def test_an_address_that_does_not_answer_is_told_from_a_wrong_file(tmp_path: Path) -> None:
    nowhere = (tmp_path / "absent").as_uri()
    with pytest.raises(UnreachableError):
        download_program(nowhere, nowhere, tmp_path / "program")

"""Where Helm and the others come from: releases by their own names, or Go modules of the same version."""

import hashlib
import io
import platform
import shutil
import tarfile
from pathlib import Path

import pytest

from infra.delivery import programs
from infra.delivery.programs import PROGRAMS, get_program
from infra.kind import places
from infra.kind.download import UnreachableError, download_packed_program
from infra.kind.errors import ClusterError


@pytest.mark.parametrize(
    ("name", "archive", "member"),
    [
        ("helm3", "https://get.helm.sh/helm-v{version}-linux-amd64.tar.gz", "linux-amd64/helm"),
        ("helm4", "https://get.helm.sh/helm-v{version}-linux-amd64.tar.gz", "linux-amd64/helm"),
        (
            "kubeconform",
            "https://github.com/yannh/kubeconform/releases/download/v{version}/kubeconform-linux-amd64.tar.gz",
            "kubeconform",
        ),
        (
            "actionlint",
            "https://github.com/rhysd/actionlint/releases/download/v{version}/actionlint_{version}_linux_amd64.tar.gz",
            "actionlint",
        ),
    ],
)
def test_releases_are_named_as_their_projects_name_them(
    name: str, archive: str, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    program = PROGRAMS[name]
    assert program.filled(program.archive) == archive.format(version=program.version)
    assert program.filled(program.member) == member
    assert program.version in program.stamp


def published(folder: Path, *, checksum: str | None = None) -> tuple[str, str]:
    """Put an archive with a program and its checksums where they can be fetched; return both addresses."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        entry = tarfile.TarInfo("linux-amd64/helm")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"helm"))
    (folder / "helm.tar.gz").write_bytes(content.getvalue())
    right = hashlib.sha256(content.getvalue()).hexdigest()
    (folder / "SUMS").write_text(f"{'0' * 64}  other.tar.gz\n{checksum or right}  helm.tar.gz\n")
    return (folder / "helm.tar.gz").as_uri(), (folder / "SUMS").as_uri()


def test_a_program_is_taken_out_of_its_archive(tmp_path: Path) -> None:
    target = tmp_path / "bin" / "helm"
    download_packed_program(*published(tmp_path), "linux-amd64/helm", target)
    assert target.read_bytes() == b"helm"
    assert target.stat().st_mode & 0o111


def test_a_wrong_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has the checksum"):
        download_packed_program(*published(tmp_path, checksum="1" * 64), "linux-amd64/helm", tmp_path / "helm")
    with pytest.raises(ClusterError, match="has no program"):
        download_packed_program(*published(tmp_path), "elsewhere/helm", tmp_path / "helm")
    assert not (tmp_path / "helm").exists()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setattr(places, "CACHE", tmp_path)
    monkeypatch.setattr(places, "BIN", tmp_path / "bin")
    return tmp_path


def test_a_program_is_got_once_for_each_version(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []

    def download(*arguments: object) -> None:
        *_, target = arguments
        assert isinstance(target, Path)
        got.append(target.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()

    monkeypatch.setattr(programs, "download_packed_program", download)
    for _ in range(2):
        assert get_program("helm3", lambda _: None).parent == cache / "programs"
    assert len(got) == 1
    assert (cache / "bin" / "helm3").resolve() == PROGRAMS["helm3"].path


@pytest.mark.usefixtures("cache")
def test_without_release_and_without_go_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise UnreachableError("no")

    monkeypatch.setattr(programs, "download_packed_program", unreachable)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ClusterError, match="there is no Go"):
        get_program("helm4", lambda _: None)

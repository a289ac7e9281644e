"""When the files of a store have changed, and when they only look so."""

from pathlib import Path

from counter_service.store.store_files import StoreFiles
from tests.support.secret_volume import SecretVolume


def test_only_another_content_is_a_change(tmp_path: Path) -> None:
    volume = SecretVolume(tmp_path / "secret", {"username": b"one", "password": b"first"})
    files = StoreFiles([volume / "username", volume / "password"])
    assert not files.have_changed()
    volume.replace({"username": b"one", "password": b"first"})
    assert not files.have_changed()
    volume.replace({"username": b"one", "password": b"second"})
    assert files.have_changed()
    assert not files.have_changed()


def test_file_that_is_missing_for_a_moment_has_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    files = StoreFiles([file])
    file.unlink()
    assert not files.have_changed()
    file.write_text("first")
    assert not files.have_changed()
    file.unlink()
    assert not files.have_changed()
    file.write_text("second")
    assert files.have_changed()


def test_file_that_comes_late_is_a_change(tmp_path: Path) -> None:
    files = StoreFiles([tmp_path / "password"])
    assert not files.have_changed()
    (tmp_path / "password").write_text("first")
    assert files.have_changed()


def test_without_files_nothing_changes() -> None:
    assert not StoreFiles([]).have_changed()

"""What a restore makes of its settings and of the folder with a backup: a transfer for each file, in order."""

from pathlib import Path

import pytest

from counter_service.errors import InvalidSettingsError, TransferError
from counter_service.settings import settings_of
from counter_service.transfer.restore import steps_of
from counter_service.transfer.restore_settings import RestoreSettings

ENOUGH = ["--target", "redis+cluster://b", "--name", "ns/hits", "--id", "uid"]


def load(folder: Path, *arguments: str) -> RestoreSettings:
    return settings_of(RestoreSettings, [*ENOUGH, "--folder", str(folder), *arguments])


def backup(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).touch()
    (folder / "backup").write_text("20261125T030000Z")
    return folder


def test_each_file_is_a_part_of_one_transfer_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = backup(tmp_path, *(f"{number}.rdb" for number in range(11)))
    steps = steps_of(load(folder, "--source", "redis://127.0.0.1:7100", "--source-name", "old/hits"))
    assert [step.source for step in steps] == [f"redis://127.0.0.1:{7100 + number}" for number in range(11)]
    assert [step.merge for step in steps] == [False, *[True] * 10]
    assert {(step.id, step.name, step.name_in_source) for step in steps} == {
        ("uid/20261125T030000Z", "ns/hits", "old/hits")
    }


def test_variables_are_those_of_a_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTER_TRANSFER_FOLDER", str(tmp_path))
    monkeypatch.setenv("COUNTER_TRANSFER_SOURCE_NAME", "old/hits")
    settings = settings_of(RestoreSettings, ENOUGH)
    assert (settings.folder, settings.source, settings.name_in_source) == (
        tmp_path,
        "redis://127.0.0.1:7000",
        "old/hits",
    )


@pytest.mark.parametrize("files", [[], ["1.rdb"], ["0.rdb", "2.rdb"]])
def test_folder_that_lacks_a_file_is_no_backup(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(TransferError, match=r"has not the files 0\.rdb, 1\.rdb and so on"):
        steps_of(load(backup(tmp_path, *files)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (ENOUGH, "--folder (COUNTER_TRANSFER_FOLDER): is required"),
        ([*ENOUGH, "--folder", "x", "--source", "redis://far"], "--source (COUNTER_TRANSFER_SOURCE): "),
        ([*ENOUGH[2:], "--folder", "x"], "--target (COUNTER_TRANSFER_TARGET): is required"),
    ],
)
def test_wrong_value_is_named_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(InvalidSettingsError) as raised:
        settings_of(RestoreSettings, arguments)
    assert str(raised.value).startswith(sentence)

"""What a transfer can be told, and one clear sentence for each thing that is wrong."""

import pytest

from counter_service.errors import InvalidSettingsError
from counter_service.settings import settings_of
from counter_service.transfer.settings import TransferSettings

ENOUGH = ["--source", "redis://a", "--target", "redis+cluster://b", "--name", "ns/hits", "--id", "7"]


def load(*arguments: str) -> TransferSettings:
    return settings_of(TransferSettings, arguments)


def test_two_urls_a_name_and_an_id_are_enough() -> None:
    settings = load(*ENOUGH)
    assert (settings.source_address.kind, settings.target_address.kind) == ("server", "cluster")
    assert (settings.name, settings.name_in_source, settings.id, settings.merge) == ("ns/hits", "ns/hits", "7", False)


def test_variables_say_the_same_and_the_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SOURCE": "redis://a", "TARGET": "redis://b", "NAME": "x", "ID": "7", "MERGE": "true"}.items():
        monkeypatch.setenv(f"COUNTER_TRANSFER_{name}", value)
    monkeypatch.setenv("COUNTER_TRANSFER_SOURCE_NAME", "old/hits")
    settings = load("--name", "ns/hits")
    assert (settings.name, settings.name_in_source, settings.id, settings.merge) == ("ns/hits", "old/hits", "7", True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (ENOUGH[2:], "--source (COUNTER_TRANSFER_SOURCE): is required"),
        (ENOUGH[:-2], "--id (COUNTER_TRANSFER_ID): is required"),
        ([*ENOUGH, "--id", ""], "--id (COUNTER_TRANSFER_ID): "),
        ([*ENOUGH, "--name", "{x}"], "--name (COUNTER_TRANSFER_NAME): "),
        ([*ENOUGH, "--source", "sqlite:///x"], "--source (COUNTER_TRANSFER_SOURCE): must be like redis://"),
        ([*ENOUGH, "--target", "redis://h?x=1"], "--target (COUNTER_TRANSFER_TARGET): must be like redis://"),
        ([*ENOUGH, "--target", "redis://a"], "--target (COUNTER_TRANSFER_TARGET): must be another Redis"),
        (
            [*ENOUGH, "--source-ca-file", "x"],
            "--source-ca-file (COUNTER_TRANSFER_SOURCE_CA_FILE): only a rediss:// source uses TLS",
        ),
        (
            [*ENOUGH, "--target-tls-name", "x"],
            "--target-tls-name (COUNTER_TRANSFER_TARGET_TLS_NAME): only a rediss:// target uses TLS",
        ),
        (
            [*ENOUGH, "--target", "rediss://b", "--target-key-file", "x"],
            "--target-cert-file (COUNTER_TRANSFER_TARGET_CERT_FILE): a certificate and its key go together",
        ),
        (
            [*ENOUGH, "--target-username-file", "x"],
            "--target-username-file (COUNTER_TRANSFER_TARGET_USERNAME_FILE): needs --target-password-file",
        ),
        (
            [*ENOUGH, "--max-paths-per-packet", "0"],
            "--max-paths-per-packet (COUNTER_TRANSFER_MAX_PATHS_PER_PACKET): should be greater than or equal to 1",
        ),
    ],
)
def test_wrong_value_is_named_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(InvalidSettingsError) as raised:
        load(*arguments)
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


def test_same_redis_is_well_for_a_copy_under_another_name() -> None:
    settings = load(*ENOUGH, "--target", "redis://a", "--source-name", "old/hits")
    assert settings.source == settings.target


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load("--help")
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert "Copy all counts of a counter" in output
    assert all(f"--{name.replace('_', '-')}" in output for name in TransferSettings.model_fields)

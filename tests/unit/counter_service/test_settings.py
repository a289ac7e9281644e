"""Flags and variables: defaults, precedence, and one clear sentence for each thing that is wrong."""

import pytest

from counter_service.errors import InvalidSettingsError
from counter_service.settings import Settings, load_settings


def test_defaults_need_nothing() -> None:
    settings = load_settings([])
    assert settings.store == "sqlite:///counter.sqlite"
    assert (settings.port, settings.admin_port, settings.workers) == (8000, 8001, 1)
    assert settings.durability == "Persisted"


def test_flag_wins_over_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTER_PORT", "1")
    monkeypatch.setenv("COUNTER_MAX_PATHS", "7")
    monkeypatch.setenv("COUNTER_DURABILITY", "None")
    settings = load_settings(["--port", "2"])
    assert (settings.port, settings.max_paths, settings.durability) == (2, 7, "None")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "99999"], "--port (COUNTER_PORT): should be less than or equal to 65535"),
        (["--durability", "Replicated"], "--durability (COUNTER_DURABILITY): only Redis has replicas"),
        (["--durability", "Most"], "--durability (COUNTER_DURABILITY): should be 'None', 'Persisted' or 'Replicated'"),
        (["--store", "postgres://x"], "--store (COUNTER_STORE): must be a memory://, sqlite:///, redis://, "),
        (["--store", "sqlite://counter.sqlite"], "--store (COUNTER_STORE): must name a file"),
        (["--store", "redis://"], "--store (COUNTER_STORE): must be like redis://"),
        (["--store", "redis://h:port"], "--store (COUNTER_STORE): must be like redis://"),
        (["--store", "redis://h?socket_timeout=1"], "--store (COUNTER_STORE): must be like redis://"),
        (["--store", "memory://"], "--durability (COUNTER_DURABILITY): memory:// persists nothing"),
        (["--workers", "2"], "--workers (COUNTER_WORKERS): sqlite:// is for one process"),
        (["--store", "memory://", "--durability", "None", "--workers", "2"], "--workers (COUNTER_WORKERS): memory://"),
        (["--store", "redis://h", "--store-tls-name", "x"], "--store-tls-name (COUNTER_STORE_TLS_NAME): only a rediss"),
        (["--store", "redis://h", "--store-ca-file", "x"], "--store-ca-file (COUNTER_STORE_CA_FILE): only a rediss://"),
        (
            ["--store", "redis://h", "--store-username-file", "x"],
            "--store-username-file (COUNTER_STORE_USERNAME_FILE): a user in a file needs --store-password-file",
        ),
        (["--name", "{x}"], "--name (COUNTER_NAME): "),
        (["--request-timeout-s", "0"], "--request-timeout-s (COUNTER_REQUEST_TIMEOUT_S): should be greater than 0"),
    ],
)
def test_wrong_value_is_named_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(InvalidSettingsError) as raised:
        load_settings(arguments)
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


def test_wrong_variable_is_named_like_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTER_PORT", "tcp://10.0.0.1:8000")
    with pytest.raises(InvalidSettingsError, match=r"^--port \(COUNTER_PORT\): "):
        load_settings([])


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["--nonsense"], 2)])
def test_help_and_unknown_flags_end_the_program(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        load_settings(arguments)
    assert ended.value.code == status
    output = "".join(capsys.readouterr())
    assert "Traceback" not in output
    if status == 0:
        assert all(f"--{name.replace('_', '-')}" in output for name in Settings.model_fields)


def test_help_says_what_the_program_is_for_also_where_python_leaves_docstrings_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Settings, "__doc__", None)
    with pytest.raises(SystemExit):
        load_settings(["--help"])
    assert "Count HTTP PUT requests per path, exactly." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:1/0", "redis://user@host:1/0"),
        ("redis://:secret@host", "redis://@host"),
        ("redis://host", "redis://host"),
        ("sqlite:////var/counter.sqlite", "sqlite:////var/counter.sqlite"),
    ],
)
def test_store_is_shown_without_its_password(url: str, shown: str) -> None:
    assert load_settings(["--store", url]).store_without_password == shown

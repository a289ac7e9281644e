"""What Redis's words mean for a batch: may it be sent again, never again, or must somebody change a setting."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from counter_service.errors import StaleBatchError, StoreMisconfiguredError, StoreUnavailableError
from counter_service.store.redis_errors import translated


@pytest.mark.parametrize(
    "message",
    [
        "LOADING Redis is loading the dataset in memory",
        "READONLY You can't write against a read only replica.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "MASTERDOWN Link with MASTER is down",
        "CLUSTERDOWN The cluster is down",
        "MOVED 3999 127.0.0.1:6381",
        "ASK 3999 127.0.0.1:6381",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "BUSY Redis is busy running a script.",
        "NOAUTH Authentication required.",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    ],
)
def test_what_may_pass_is_unavailability_in_redis_own_words(message: str) -> None:
    error = translated(ResponseError(message))
    assert type(error) is StoreUnavailableError
    assert message in str(error)


@pytest.mark.parametrize(
    "error", [RedisConnectionError("closed"), ConnectionResetError(), TimeoutError(), OSError("no")]
)
def test_what_the_network_does_is_unavailability(error: OSError) -> None:
    assert type(translated(error)) is StoreUnavailableError


def test_later_batch_makes_this_one_stale() -> None:
    assert type(translated(ResponseError("STALE batch 1 comes after batch 2"))) is StaleBatchError


def test_missing_append_only_file_is_a_setting_to_change() -> None:
    message = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
    assert type(translated(ResponseError(message))) is StoreMisconfiguredError


def test_long_message_is_cut() -> None:
    assert len(str(translated(ResponseError("x" * 10_000)))) < 300

"""What redis-py, Redis and the network raise, in this package's errors."""

from typing import Final

from redis.exceptions import RedisError, ResponseError

from counter_service.errors import StaleBatchError, StoreError, StoreMisconfiguredError, StoreUnavailableError

# Redis's messages are short; whatever is not should not fill the log.
_MAX_MESSAGE_CHARACTERS: Final = 200


def translated(error: RedisError | OSError) -> StoreError:
    """Return this package's error for one of redis-py, Redis or the network.

    Returns:
        StaleBatchError: the script says that a later batch was applied.
        StoreMisconfiguredError: Redis cannot promise the durability asked for.
        StoreUnavailableError: anything else.
    """
    message = str(error)[:_MAX_MESSAGE_CHARACTERS]
    if isinstance(error, ResponseError) and message.startswith("STALE"):
        return StaleBatchError(message)
    if isinstance(error, ResponseError) and "WAITAOF" in message:
        return StoreMisconfiguredError(
            f"--durability Persisted and Replicated need Redis with appendonly yes: {message}"
        )
    return StoreUnavailableError(f"Redis: {message or type(error).__name__}")

"""Every error this service raises on purpose.

CounterServiceError
├── InvalidSettingsError          the process cannot start as it was told to
├── RequestError                  the client can do something about it
│   ├── InvalidRequestError       400
│   ├── InvalidPathError          400
│   ├── InvalidQueryError         400
│   ├── UnauthorizedError         401
│   ├── NoSuchPathError           404
│   ├── MethodNotAllowedError     405
│   ├── NotAcceptableError        406
│   ├── RequestTimeoutError       408
│   ├── BodyTooLargeError         413
│   ├── PathTooLongError          414
│   ├── ExpectationFailedError    417
│   ├── RateLimitedError          429
│   ├── HeadTooLargeError         431
│   └── TooManyPathsError         507
├── StoreError
│   ├── StaleBatchError           refused for good: nothing of the batch was counted by this attempt
│   └── StoreUnavailableError     503: not acknowledged, outcome unknown; the same batch may be sent again
│       └── StoreMisconfiguredError  the same, and only an administrator can change it
└── TransferError                 not completed; the same transfer may be repeated
    └── TransferRefusedError      nothing was touched: the target holds what this transfer must not overwrite

Drivers' errors never leave `store/`: they are wrapped there, with the original as the cause.
"""

from counter_service.ratelimit import Refusal


class CounterServiceError(Exception):
    """The root of all errors of this package."""


class InvalidSettingsError(CounterServiceError):
    """A flag or variable has a value the service cannot run with; the message is one sentence naming it."""


class RequestError(CounterServiceError):
    """A request that is refused and was not counted; the message is written for its sender."""


class InvalidRequestError(RequestError):
    """The bytes are no request of HTTP/1.1; where the next one begins is unknown."""


class InvalidPathError(RequestError):
    """The path is not one RFC 3986 allows."""


class InvalidQueryError(RequestError):
    """A parameter of the admin API's query is wrong; the message begins with its name."""


class UnauthorizedError(RequestError):
    """The admin API was asked without its token."""


class NoSuchPathError(RequestError):
    """The admin API has nothing of this name."""


class MethodNotAllowedError(RequestError):
    """The method is not one of those that are understood."""


class NotAcceptableError(RequestError):
    """No representation or version the client accepts is known."""


class RequestTimeoutError(RequestError):
    """The request did not arrive whole in the time it may take."""


class BodyTooLargeError(RequestError):
    """The request's body, which would be ignored, is longer than what is worth reading."""


class PathTooLongError(RequestError):
    """The normalized path is longer than the counter's limit."""


class ExpectationFailedError(RequestError):
    """The Expect header asks for something other than 100-continue."""


class HeadTooLargeError(RequestError):
    """The request line, one of its fields, or all of them are too long."""

    def __init__(self) -> None:
        super().__init__("The request line and the header fields are longer than what is read.")


class RateLimitedError(RequestError):
    """Too many requests from this client, or for this path or counter; `refusal` says when to come again."""

    def __init__(self, refusal: Refusal) -> None:
        limit = refusal.limit
        what = {"Client": "client", "Path": "path", "Counter": "counter"}[limit.per]
        super().__init__(f"This {what} may make {limit.requests_per_second:g} requests per second; wait and try again.")
        self.refusal = refusal


class TooManyPathsError(RequestError):
    """The path is new and the counter already holds as many paths as it may."""

    def __init__(self) -> None:
        super().__init__("This counter holds as many paths as it may; the path is not one of them.")


class StoreError(CounterServiceError):
    """The store did not acknowledge."""


class StaleBatchError(StoreError):
    """The writer's batch with a higher sequence number was applied before: this one never will be."""


class StoreUnavailableError(StoreError):
    """No acknowledgement; whether the batch was applied is unknown until the same batch is answered."""


class StoreMisconfiguredError(StoreUnavailableError):
    """The store works but cannot promise what was asked of it, for example because its AOF is off."""


class TransferError(CounterServiceError):
    """Counts were not copied exactly, so the transfer is not marked as completed; it may be repeated."""


class TransferRefusedError(TransferError):
    """The target was not touched: it holds counts that this transfer did not bring, or lacks those it adds to."""

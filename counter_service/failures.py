"""One log line for each request that failed for a reason of ours, with the id its sender was told.

A dead store fails thousands of requests a second for one reason, so only some are logged and the rest are counted.
"""

import re
import secrets
import time
from typing import Final

import structlog

from counter_service.errors import CounterServiceError, RequestError

_LINES_PER_S: Final = 10
# A client's own id is taken if it is harmless wherever it is shown.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

_log = structlog.get_logger()


class FailureLog:
    """Gives failed requests their ids, and logs them."""

    def __init__(self) -> None:
        self._second = 0
        self._logged = 0
        self._skipped = 0

    def note(self, method: str, target: str, error: Exception, wished_id: str = "") -> str:
        """Log a failed request.

        Args:
            method: of the request.
            target: its path.
            error: why it failed.
            wished_id: its X-Request-Id field, or nothing.

        Returns:
            The id to tell the sender; empty for what was the sender's fault, which is not logged.
        """
        if isinstance(error, RequestError):
            return ""
        request_id = wished_id if _REQUEST_ID.fullmatch(wished_id) else secrets.token_hex(8)
        if self._may_log():
            unexpected = not isinstance(error, CounterServiceError)
            reason = type(error).__name__ if unexpected else str(error)
            _log.log(
                40 if unexpected else 30,  # ERROR, WARNING: the levels of the standard library
                "request failed",
                method=method,
                target=target,
                reason=reason,
                request_id=request_id,
                exc_info=error if unexpected else None,
            )
        return request_id

    def _may_log(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            if self._skipped:
                _log.warning("more requests failed", requests=self._skipped)
            self._second, self._logged, self._skipped = second, 0, 0
        if self._logged >= _LINES_PER_S:
            self._skipped += 1
            return False
        self._logged += 1
        return True

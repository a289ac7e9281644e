"""What a refusal of the API server's means, however long it is."""

import json

import pytest
from kubernetes.aio import client

from request_counter_operator.api_errors import MAX_MESSAGE_CHARS, _translated
from request_counter_operator.errors import ApiError, ConflictError, ImmutableFieldError, NotFoundError


def refused(status: int, message: str) -> ApiError:
    error = client.ApiException(status=status, reason="Refused")
    error.body = json.dumps({"message": message})
    return _translated(error)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (404, "not found", NotFoundError),
        (409, "exists", ConflictError),
        (403, "no right", ApiError),
        (422, "spec.clusterIP: field is immutable", ImmutableFieldError),
        # That of a Job quotes its whole template before it comes to the point.
        (422, f"spec.template: Invalid value: {'x' * 5000}: field is immutable", ImmutableFieldError),
        # And a claim is never made anew: its volume would go.
        (422, "spec: Forbidden: spec is immutable after creation except resources.requests", ApiError),
    ],
)
def test_a_refusal_is_known_by_its_status_and_its_last_word(
    status: int, message: str, expected: type[ApiError]
) -> None:
    error = refused(status, message)
    assert (type(error), error.status, str(error)) == (expected, status, message[:MAX_MESSAGE_CHARS])

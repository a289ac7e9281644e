"""Negotiation of the representation and version, and the shape of bodies and problem documents."""

import json
from http import HTTPStatus

import pytest

from counter_service.errors import (
    CounterServiceError,
    NotAcceptableError,
    StaleBatchError,
    StoreMisconfiguredError,
    TooManyPathsError,
)
from counter_service.representation import MediaType, negotiate, problem_of, render_count


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", MediaType.JSON),
        ("*/*", MediaType.JSON),
        ("application/json", MediaType.JSON),
        ("application/vnd.requestcounter.v1+json", MediaType.JSON_V1),
        ("Application/Vnd.RequestCounter.V1+JSON", MediaType.JSON_V1),
        ("text/plain", MediaType.TEXT),
        ("text/plain; charset=utf-8", MediaType.TEXT),
        ("application/json;q=0.5, text/plain", MediaType.TEXT),
        ("text/html, application/xhtml+xml, */*;q=0.8", MediaType.JSON),
        ("application/vnd.requestcounter.v2+json, application/json;q=0.1", MediaType.JSON),
        ("text/plain;q=0, */*", MediaType.JSON),
    ],
)
def test_best_acceptable_representation_is_chosen(accept: str, media_type: MediaType) -> None:
    assert negotiate(accept) is media_type


@pytest.mark.parametrize("accept", ["application/vnd.requestcounter.v2+json", "text/html", "text/plain;q=0", "*/*;q=x"])
def test_nothing_acceptable_is_an_error_that_lists_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match=r"application/vnd\.requestcounter\.v1\+json"):
        negotiate(accept)


def test_bodies() -> None:
    assert render_count("/a", 17, MediaType.TEXT) == b"17"
    assert json.loads(render_count("/a", 17, MediaType.JSON)) == {"path": "/a", "count": 17}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TooManyPathsError(), HTTPStatus.INSUFFICIENT_STORAGE),
        (StoreMisconfiguredError("no AOF"), HTTPStatus.SERVICE_UNAVAILABLE),
        (StaleBatchError("stale"), HTTPStatus.SERVICE_UNAVAILABLE),
    ],
)
def test_problem_document_says_what_the_error_says(error: CounterServiceError, status: HTTPStatus) -> None:
    actual_status, body = problem_of(error)
    problem = json.loads(body)
    assert actual_status is status
    assert problem["status"] == status
    assert problem["detail"] == str(error)
    assert problem["type"].startswith("https://requestcounter.io/problems/")


def test_problem_of_our_own_making_keeps_its_details() -> None:
    status, body = problem_of(CounterServiceError("secret"))
    assert status is HTTPStatus.INTERNAL_SERVER_ERROR
    assert b"secret" not in body

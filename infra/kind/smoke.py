"""The proof that it works: a PUT and a GET, the way a user's requests go."""

import http
import http.client

from infra.kind import places
from infra.kind.errors import ClusterError
from infra.kind.progress import Step, wait_until

HOST = "hits.localhost"
URL = f"http://{HOST}:{places.HTTP_PORT}"
_PATH = "/hello"
_ROUTE_TIMEOUT_S = 60.0
_REQUEST_TIMEOUT_S = 5.0


def put_and_get(step: Step) -> list[str]:
    """Count one request and read the count; return both exchanges as lines to show.

    Raises:
        ClusterError: The sample counter did not answer within a minute, or not with a count.
    """
    step.note(f"waiting for {URL}")
    if not wait_until(lambda: _request("GET")[0] == http.HTTPStatus.OK, _ROUTE_TIMEOUT_S):
        status, body = _request("GET")
        raise ClusterError(
            f"{URL} does not answer: {status or 'no connection'}",
            output=body,
            advice="Look at `make status` and `make logs`.",
        )
    answers = [(method, *_request(method)) for method in ("PUT", "GET")]
    if any(status != http.HTTPStatus.OK for _, status, _ in answers):
        raise ClusterError(f"{URL} answered {answers}")
    step.note("a PUT was counted, a GET read it")
    return [f"{method} {URL}{_PATH}  →  {body}" for method, _, body in answers]


def _request(method: str) -> tuple[int, str]:
    """Return status and body; status 0 if nothing answered."""
    # Not every resolver knows that *.localhost is this machine (RFC 6761, section 6.3): the name goes into Host only.
    connection = http.client.HTTPConnection("127.0.0.1", places.HTTP_PORT, timeout=_REQUEST_TIMEOUT_S)
    try:
        connection.request(method, _PATH, headers={"Host": f"{HOST}:{places.HTTP_PORT}"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()

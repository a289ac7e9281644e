"""What there is to say of a Redis that is alone: whether it answers, and its version."""

from collections.abc import Sequence

from request_counter_operator.api import RequestCounter, Server
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.users import Found
from request_counter_operator.render.topology import server_names


def read(counter: RequestCounter, found: Sequence[Found]) -> StoreReading:
    """Return the reading of the only server, of which ``found`` says what it answered; empty when it did not."""
    name = server_names(counter)[0]
    if not found:
        return StoreReading(servers=(Server(name=name, role="Unreachable"),))
    return StoreReading(
        servers=(Server(name=name, role="Primary"),), primary=name, version=found[0].version, is_whole=True
    )

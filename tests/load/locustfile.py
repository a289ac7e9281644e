"""Load on a counter, as its users make it: `make load PROFILE=zipf USERS=200 MINUTES=2`.

Profiles say which paths are asked for: uniform over 10,000, Zipf's law over 10,000, or one hot path. Nine of ten
requests are PUTs. At the end the counter's growth is compared with the PUTs that were answered 200: at least as many
must be counted, and at most those plus the ones whose outcome the client does not know.
"""

import itertools
import os
import random
import secrets
from http import HTTPStatus
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

PATHS = 10_000
ZIPF_EXPONENT = 1.1
STEPS = 5
# Requests per second of each user: with more users, not with hastier ones, the load grows as it does in life.
RATE_PER_USER = 10.0

_prefix = f"/load/{secrets.token_hex(4)}"
_paths = [f"{_prefix}/{number}" for number in range(PATHS)]
_zipf = list(itertools.accumulate(1 / (rank + 1) ** ZIPF_EXPONENT for rank in range(PATHS)))


class Tally:
    """What this process sent; locust runs all users of one process in one thread."""

    attempted = 0
    acknowledged = 0
    refused = 0
    first_total = 0


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust's
def add_options(parser: LocustArgumentParser) -> None:
    """Let the profile, the Host header and the steps be chosen."""
    profiles = ["uniform", "zipf", "hot"]
    parser.add_argument("--load-profile", choices=profiles, default="zipf", env_var="LOAD_PROFILE", help="which paths")
    parser.add_argument("--host-header", default="", env_var="LOAD_HOST_HEADER", help="for a counter behind an ingress")


class Client(FastHttpUser):
    """Somebody who counts and reads."""

    wait_time = constant_throughput(RATE_PER_USER)
    # What is counted must be what was sent: a request sent again unasked would be an attempt of its own.
    max_retries = 0

    def path(self) -> str:
        """Choose a path as the profile says."""
        profile = self.environment.parsed_options.load_profile
        if profile == "hot":
            return _paths[0]
        if profile == "zipf":
            return random.choices(_paths, cum_weights=_zipf)[0]  # noqa: S311 -- no secret
        return random.choice(_paths)  # noqa: S311 -- no secret

    @task(9)
    def put(self) -> None:
        """Count."""
        Tally.attempted += 1
        response = self.client.put(self.path(), name=f"PUT {_prefix}/*", headers=headers(self.environment))
        if response.status_code == HTTPStatus.OK:
            Tally.acknowledged += 1
        elif response.status_code in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INSUFFICIENT_STORAGE}:
            Tally.refused += 1

    @task(1)
    def get(self) -> None:
        """Read."""
        self.client.get(self.path(), name=f"GET {_prefix}/*", headers=headers(self.environment))


def headers(environment: Environment) -> dict[str, str]:
    """Return the fields of each request."""
    options = environment.parsed_options
    return {"Host": options.host_header} if options and options.host_header else {}


def read_total(user: Client) -> int:
    """Return the counter's total."""
    with user.client.get("/", name="GET /", headers=headers(user.environment), catch_response=True) as response:
        return int(response.json()["count"])


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # locust's
def note_first_total(environment: Environment, **_: Any) -> None:
    """Read the total before anybody counts."""
    Client.host = environment.host  # as locust does when it makes the first user
    Tally.first_total = read_total(Client(environment))


@events.test_stop.add_listener  # type: ignore[untyped-decorator]  # locust's
def hold_to_the_books(environment: Environment, **_: Any) -> None:
    """Compare the counter's growth with what was acknowledged; what is wrong is the run's failure."""
    growth = read_total(Client(environment)) - Tally.first_total
    unknown = Tally.attempted - Tally.acknowledged - Tally.refused
    verdict = f"counted {growth:,}, acknowledged {Tally.acknowledged:,}, outcome unknown {unknown:,}"
    is_exact = Tally.acknowledged <= growth <= Tally.acknowledged + unknown
    print(f"{'exact' if is_exact else 'WRONG'}: {verdict}")  # noqa: T201 -- the run's result
    if not is_exact or environment.stats.total.fail_ratio > 0.01:
        environment.process_exit_code = 1


if os.environ.get("LOAD_SHAPE") == "steps":

    class Steps(LoadTestShape):
        """As many users as asked for, in equal steps over the run."""

        def tick(self) -> tuple[int, float] | None:
            """Return how many users there are now, and how fast to get there; None at the end."""
            assert self.runner
            assert self.runner.environment.parsed_options
            options = self.runner.environment.parsed_options
            step_s = options.run_time / STEPS
            step = int(self.get_run_time() // step_s) + 1  # type: ignore[no-untyped-call]  # locust's
            users = max(1, options.num_users * step // STEPS)
            return None if step > STEPS else (users, float(max(1, users)))

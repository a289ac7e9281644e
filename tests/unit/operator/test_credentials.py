"""Passwords: the same for the same resource, others for others, and what Redis is told of them."""

import base64
import hashlib

import pytest

from request_counter_operator.api import Status
from request_counter_operator.render.credentials import Credentials, Role, User, derive_root, fingerprint
from request_counter_operator.render.redis_secret import render_redis_secret
from tests.support.counters import EXTERNAL, SENTINEL, counter

SEED = b"s" * 32
CREDENTIALS = Credentials("root", generation=4, accepted=(3, 4))


def test_a_resource_always_gets_the_same_passwords() -> None:
    root = derive_root(SEED, counter())
    assert root == derive_root(SEED, counter({"replicas": 9}))
    assert Credentials(root).password("service") == Credentials(root).password("service", 0)
    assert len(Credentials(root).password("service")) == 64


def test_another_seed_or_a_resource_made_anew_gets_another_root() -> None:
    root = derive_root(SEED, counter())
    assert derive_root(b"t" * 32, counter()) != root
    assert derive_root(SEED, counter(uid="another")) != root


def test_each_user_of_each_generation_has_a_password_of_its_own() -> None:
    roles: tuple[Role, ...] = ("service", "operator", "replication", "sentinel")
    passwords = {CREDENTIALS.password(role, generation) for role in roles for generation in (3, 4)}
    assert len(passwords) == 8


def test_a_fingerprint_tells_roots_apart_and_not_the_root_nor_the_generation() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert fingerprint("a") not in hashlib.sha256(b"a").hexdigest()
    assert CREDENTIALS.fingerprint == Credentials("root").fingerprint


def test_neither_root_nor_passwords_are_in_what_is_logged() -> None:
    assert "root" not in repr(CREDENTIALS).replace("root=", "")


def secret_of(spec: dict[str, object]) -> dict[str, str]:
    secret = render_redis_secret(counter(spec), CREDENTIALS)
    assert secret is not None
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_the_secret_holds_the_newest_password_for_the_service_and_all_hashes_for_redis() -> None:
    data = secret_of({})
    users = dict(line.removeprefix("user ").split(" ", 1) for line in data["users.acl"].splitlines())
    assert (data["username"], data["password"]) == ("service-4", CREDENTIALS.password("service"))
    assert users.keys() == {"default", "probe", "service-3", "operator-3", "service-4", "operator-4"}
    assert users["default"] == "reset off +@all ~* &*"
    assert users["probe"] == "reset on nopass +ping"
    for generation in (3, 4):
        digest = hashlib.sha256(CREDENTIALS.password("service", generation).encode()).hexdigest()
        assert users[f"service-{generation}"].startswith(f"reset on #{digest} ~{{default/hits/*}}:* ")
    assert CREDENTIALS.password("service") not in data["users.acl"]


def test_a_group_has_users_for_replicas_and_sentinels_as_well() -> None:
    data = secret_of(SENTINEL)
    assert (data["replication-username"], data["sentinel-username"]) == ("replication-4", "sentinel-4")
    assert data["sentinel-password"] == CREDENTIALS.password("sentinel")
    assert "user replication-3 " in data["users.acl"]
    assert "user operator-4 " in data["sentinel-users.acl"]


def test_a_secret_that_was_edited_is_made_the_same_again_from_the_status_alone() -> None:
    resource = counter(SENTINEL).model_copy(
        update={"status": Status.model_validate({"store": {"auth": {"generation": 4, "accepted": [3, 4]}}})}
    )
    made = [render_redis_secret(resource, Credentials.of("root", resource)) for _ in range(2)]
    assert made == [render_redis_secret(counter(SENTINEL), CREDENTIALS)] * 2


@pytest.mark.parametrize(
    ("name", "user"),
    [("service-12", User("service", 12)), ("default", None), ("probe", None), ("service-1x", None), ("other-1", None)],
)
def test_a_users_name_tells_who_it_is(name: str, user: User | None) -> None:
    assert User.named(name) == user


def test_somebody_elses_redis_gets_no_secret_of_ours() -> None:
    assert render_redis_secret(counter(EXTERNAL), CREDENTIALS) is None

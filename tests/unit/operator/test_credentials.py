"""Passwords: the same for the same resource, others for others, and what Redis is told of them."""

import base64
import hashlib

from request_counter_operator.render.credentials import derive_password, fingerprint
from request_counter_operator.render.redis_secret import render_redis_secret
from tests.support.counters import EXTERNAL, counter

SEED = b"s" * 32


def test_a_resource_always_gets_the_same_password() -> None:
    password = derive_password(SEED, counter())
    assert password == derive_password(SEED, counter({"replicas": 9}))
    assert len(password) == 64


def test_another_seed_or_a_resource_made_anew_gets_another_password() -> None:
    password = derive_password(SEED, counter())
    assert derive_password(b"t" * 32, counter()) != password
    assert derive_password(SEED, counter(uid="another")) != password


def test_a_fingerprint_tells_passwords_apart_and_not_the_password() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert fingerprint("a") not in hashlib.sha256(b"a").hexdigest()


def test_the_secret_holds_the_password_for_the_service_and_its_hash_for_redis() -> None:
    secret = render_redis_secret(counter(), "hunter2")
    assert secret is not None
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    default, probe, service = data["users.acl"].splitlines()
    assert data["password"] == "hunter2"
    assert default == "user default reset off +@all ~* &*"
    assert probe == "user probe reset on nopass +ping"
    assert f"#{hashlib.sha256(b'hunter2').hexdigest()}" in service
    assert "~{default/hits/*}:*" in service
    assert "hunter2" not in data["users.acl"]


def test_somebody_elses_redis_gets_no_secret_of_ours() -> None:
    assert render_redis_secret(counter(EXTERNAL), "hunter2") is None

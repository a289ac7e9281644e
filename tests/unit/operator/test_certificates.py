"""The certificate of a counter's own Redis: read from its Secret, proved before it is used, and soon known when new."""

import datetime as dt
from typing import Any

import pytest
import trustme

from request_counter_operator.cache import Key
from request_counter_operator.errors import ApiError, NotFoundError, UnusableCertificateError
from request_counter_operator.kinds import Kind
from request_counter_operator.redis_admin.certificate_proof import fault_of
from request_counter_operator.redis_admin.certificates import FRESH_S, Certificates
from request_counter_operator.render.certificate import Certificate
from tests.support.certificates import NAME, SECRET, files, secret, server_only
from tests.support.clock import Clock
from tests.support.counters import TLS, counter

KEY = Key("default", "hits")
AUTHORITY, OTHER = trustme.CA(), trustme.CA()
YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


class Api:
    """The API server, as far as one Secret and one StatefulSet are read from it."""

    def __init__(self, held: Any = None) -> None:
        self.secret, self.requests = held, 0
        self.sentinels: Any = None
        self.is_away = False

    async def get(self, kind: Kind, _namespace: str, name: str, *, may_be_old: bool = False) -> Any:
        """Return what is there."""
        self.requests += 1
        if self.is_away:
            raise ApiError("unreachable")
        found = self.secret if kind.kind == "Secret" else self.sentinels
        assert (name, may_be_old) == ((SECRET, True) if kind.kind == "Secret" else ("hits-sentinel", False))
        if found is None:
            raise NotFoundError("not found", status=404)
        return found


def certificate(**options: Any) -> Certificate:
    return Certificate.of(secret(files(AUTHORITY, **options)))


def certificates(api: Api, clock: Clock) -> Certificates:
    return Certificates(api, clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tls.crt": None}, "key tls.crt of Secret hits-redis-tls"),
        ({"ca.crt": b"", "tls.key": None}, "key tls.key and key ca.crt of Secret hits-redis-tls"),
        ({"ca.crt": b"no PEM"}, "a certificate in key ca.crt of Secret hits-redis-tls"),
        ({"tls.crt": b"\xff\xfe"}, "key tls.crt of Secret hits-redis-tls"),
    ],
)
def test_what_a_secret_lacks_is_named(changes: dict[str, bytes | None], fault: str) -> None:
    held = {key: value for key, value in (files(AUTHORITY) | changes).items() if value is not None}
    with pytest.raises(UnusableCertificateError) as refused:
        Certificate.of(secret(held))
    assert str(refused.value) == fault


def test_the_digest_changes_with_each_part_and_the_leaf_with_its_own() -> None:
    held, another = files(AUTHORITY), files(AUTHORITY)
    both = Certificate.of(secret(held | {"ca.crt": held["ca.crt"] + OTHER.cert_pem.bytes()}))
    digests = {one.digest for one in (Certificate.of(secret(held)), Certificate.of(secret(another)), both)}
    assert len(digests) == 3
    assert both.leaf == Certificate.of(secret(held)).leaf != Certificate.of(secret(another)).leaf
    assert "BEGIN" not in repr(both).partition("private_key")[2]


def test_a_good_certificate_is_good_for_both_sides() -> None:
    assert fault_of(certificate(), NAME) is None
    assert fault_of(certificate(trusted=(OTHER, AUTHORITY)), NAME) is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"name": "hits-redis.other.svc"}, "Hostname mismatch"),
        ({"expires": YESTERDAY}, "certificate has expired"),
        ({"trusted": (OTHER,)}, "unable to get local issuer certificate"),
    ],
)
def test_what_clients_would_refuse_is_found_before_any_does(options: dict[str, Any], fault: str) -> None:
    assert fault in str(fault_of(certificate(**options), NAME))


def test_a_certificate_for_servers_only_would_not_do() -> None:
    one_sided = Certificate.of(secret(server_only(AUTHORITY)))
    assert "purpose" in str(fault_of(one_sided, NAME))


def test_a_key_of_another_certificate_is_found() -> None:
    mixed = files(AUTHORITY) | {"tls.key": files(AUTHORITY)["tls.key"]}
    assert "key values mismatch" in str(fault_of(Certificate.of(secret(mixed)), NAME))


async def test_a_new_certificate_is_soon_known_and_the_api_server_seldom_asked() -> None:
    api, clock = Api(secret(files(AUTHORITY))), Clock(1000.0)
    known = certificates(api, clock)
    first = await known.digest(KEY, counter(TLS))
    api.secret = secret(files(AUTHORITY))
    assert await known.digest(KEY, counter(TLS)) == first
    assert api.requests == 1
    clock.now_s += FRESH_S
    found = await known.of(KEY, counter(TLS))
    assert found.trust is not None
    assert found.trust.known_since_s == clock.now_s
    assert found.trust.digest == await known.digest(KEY, counter(TLS)) != first
    clock.now_s += FRESH_S
    assert await known.of(KEY, counter(TLS)) == found  # known since then
    assert api.requests == 3


async def test_nothing_is_asked_for_a_counter_without_tls() -> None:
    api = Api()
    known = certificates(api, Clock(0.0))
    assert (await known.of(KEY, counter())).missing is None
    assert (await known.digest(KEY, counter()), api.requests) == ("", 0)


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        (None, "Secret hits-redis-tls"),
        (secret({}), "key tls.crt and key tls.key and key ca.crt of Secret hits-redis-tls"),
        (
            secret(files(AUTHORITY, trusted=(OTHER,))),
            "a certificate in Secret hits-redis-tls that would do (unable to get local issuer certificate)",
        ),
    ],
)
async def test_a_secret_that_is_spoilt_is_told_of_and_the_certificate_before_stays_in_use(
    held: Any, missing: str
) -> None:
    api, clock = Api(secret(files(AUTHORITY))), Clock(0.0)
    known = certificates(api, clock)
    good = await known.of(KEY, counter(TLS))
    digest = await known.digest(KEY, counter(TLS))
    api.secret = held
    clock.now_s += FRESH_S
    found = await known.of(KEY, counter(TLS))
    assert (found.trust, found.missing) == (good.trust, missing)
    assert await known.digest(KEY, counter(TLS)) == digest
    api.secret = secret(files(AUTHORITY))
    clock.now_s += FRESH_S
    assert (await known.of(KEY, counter(TLS))).missing is None


async def test_what_would_not_do_is_proved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is valid from a second on that our clock has not reached yet."""
    faults = iter(["certificate is not yet valid", None])
    monkeypatch.setattr("request_counter_operator.redis_admin.certificates.fault_of", lambda *_: next(faults))
    api, clock = Api(secret(files(AUTHORITY))), Clock(0.0)
    known = certificates(api, clock)
    assert "not yet valid" in str((await known.of(KEY, counter(TLS))).missing)
    clock.now_s += FRESH_S
    found = await known.of(KEY, counter(TLS))
    assert (found.missing, found.trust is None) == (None, False)


async def test_an_operator_that_starts_without_the_secret_keeps_what_the_sentinels_have() -> None:
    api = Api()
    known = certificates(api, Clock(0.0))
    assert await known.digest(KEY, counter(TLS)) == ""
    annotations = {"requestcounter.io/certificate": "abc"}
    api.sentinels = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    assert await known.digest(KEY, counter(TLS)) == "abc"


async def test_an_api_server_that_is_away_is_no_end_to_what_is_known() -> None:
    api, clock = Api(secret(files(AUTHORITY))), Clock(0.0)
    known = certificates(api, clock)
    api.is_away = True
    with pytest.raises(ApiError):
        await known.of(KEY, counter(TLS))
    api.is_away = False
    found = await known.of(KEY, counter(TLS))
    api.is_away = True
    clock.now_s += FRESH_S
    assert await known.of(KEY, counter(TLS)) == found


async def test_another_secret_is_another_certificate_at_once() -> None:
    api = Api(secret(files(AUTHORITY)))
    known = certificates(api, Clock(0.0))
    await known.of(KEY, counter(TLS))
    redis = {"mode": "Sentinel", "tls": {"secretName": "another"}}
    with pytest.raises(AssertionError, match="another"):
        await known.of(KEY, counter({"store": {"redis": redis}}))

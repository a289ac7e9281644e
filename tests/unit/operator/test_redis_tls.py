"""TLS inside a counter's own Redis: what is rendered for it, and that nothing else changes for that."""

import json
from typing import Any

import pytest
import trustme

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, Child, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.desired import children
from request_counter_operator.observe import Observer
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.stores import Stores
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.redis_config import redis_config
from request_counter_operator.render.topology import topology
from request_counter_operator.settings import Settings
from request_counter_operator.store_status import store_status
from request_counter_operator.totals import SILENCE
from request_counter_operator.turns import Made
from tests.support.api_objects import ApiObjects
from tests.support.certificates import files, secret
from tests.support.counters import EXTERNAL, MOVING_STATUS, TLS, counter
from tests.unit.operator.test_observe import CREDENTIALS, Followed
from tests.unit.operator.test_reconcile import World

KEY = Key("default", "hits")
CERTIFICATE = {"secretName": "hits-redis-tls"}
NAME = "hits-redis.default.svc"
MODES = ("Standalone", "Sentinel", "Cluster")
AUTHORITY = trustme.CA()


def with_tls(mode: str, **store: Any) -> RequestCounter:
    return counter({"store": {"redis": {"mode": mode, "tls": CERTIFICATE}, **store}})


def rendered(resource: RequestCounter, certificate: str = "") -> dict[str, dict[str, Any]]:
    facts = Facts(Credentials("root"), service_replicas=2, service_pods=2, certificate=certificate)
    return {f"{m['kind']}/{m['metadata']['name']}": m for m in children(resource, Settings(), facts)}


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"].get("jobTemplate", manifest)["spec"]["template"]["spec"]
    return spec


def environment(manifest: dict[str, Any]) -> dict[str, str]:
    (container,) = pod_of(manifest)["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.mark.parametrize("mode", MODES)
def test_servers_take_tls_only_and_show_and_expect_the_certificate(mode: str) -> None:
    lines = redis_config(with_tls(mode)).splitlines()
    assert {"port 0", "tls-port 6379", "tls-auth-clients no"} <= set(lines)
    assert "tls-cert-file /etc/request-counter/tls/tls.crt" in lines
    assert ("tls-replication yes" in lines, "tls-cluster yes" in lines) == (mode != "Standalone", mode == "Cluster")
    assert "port 6379" not in lines


@pytest.mark.parametrize("mode", MODES)
def test_the_same_without_tls_is_what_it_was(mode: str) -> None:
    plain = rendered(counter({"store": {"redis": {"mode": mode}}}), certificate="digest")
    assert "port 6379" in redis_config(counter({"store": {"redis": {"mode": mode}}}))
    for manifest in plain.values():
        if manifest["kind"] != "ConfigMap":  # its scripts are for both
            assert "tls" not in json.dumps(manifest)
            assert "certificate" not in json.dumps(manifest)
    assert "TLS" not in topology(counter({"store": {"redis": {"mode": mode}}}))


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ("Standalone", "rediss://hits-redis:6379/0"),
        ("Sentinel", "rediss+sentinel://hits-sentinel-0:26379,"),
        ("Cluster", "rediss+cluster://hits-cluster-0-0:6379,"),
    ],
)
def test_the_service_asks_for_one_name_in_every_mode(mode: str, url: str) -> None:
    deployment = rendered(with_tls(mode))["Deployment/hits"]
    told = environment(deployment)
    assert told["COUNTER_STORE"].startswith(url)
    assert told["COUNTER_STORE_TLS_NAME"] == NAME
    assert told["COUNTER_STORE_CA_FILE"] == "/etc/request-counter/redis-ca/ca.crt"
    (volume,) = [one for one in pod_of(deployment)["volumes"] if one["name"] == "redis-ca"]
    # The key is for servers.
    assert [item["key"] for item in volume["secret"]["items"]] == ["ca.crt"]


@pytest.mark.parametrize("mode", MODES)
def test_files_are_mounted_as_a_folder_so_that_new_ones_come_to_pods_that_run(mode: str) -> None:
    for manifest in rendered(with_tls(mode)).values():
        if manifest["kind"] != "StatefulSet":
            continue
        (container,) = pod_of(manifest)["containers"]
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "tls"]
        assert mount == {"name": "tls", "mountPath": "/etc/request-counter/tls", "readOnly": True}
        for probe in ("readinessProbe", "livenessProbe"):
            command = container[probe]["exec"]["command"]
            asked = command[command.index("redis-cli") :]
            assert asked[:3] == ["redis-cli", "--tls", "--insecure"]


def test_a_new_certificate_replaces_sentinels_and_nobody_else() -> None:
    before, after = rendered(with_tls("Sentinel"), "old"), rendered(with_tls("Sentinel"), "new")
    assert [name for name in before if before[name] != after[name]] == ["StatefulSet/hits-sentinel"]
    annotations = after["StatefulSet/hits-sentinel"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["requestcounter.io/certificate"] == "new"


@pytest.mark.parametrize("mode", MODES)
def test_backups_are_read_by_tls(mode: str) -> None:
    cron_job = rendered(with_tls(mode, backup={"schedule": "@daily"}))["CronJob/hits-backup"]
    assert environment(cron_job)["TLS_OPTIONS"] == f"--tls --cacert /etc/request-counter/tls/ca.crt --sni {NAME}"
    (volume,) = [one for one in pod_of(cron_job)["volumes"] if one["name"] == "tls"]
    assert [item["key"] for item in volume["secret"]["items"]] == ["ca.crt"]


def test_a_backup_is_restored_by_tls() -> None:
    resource = counter({"restoreFrom": {"claimName": "bucket"}, "store": {"redis": {"tls": CERTIFICATE}}})
    told = environment(rendered(resource)["Job/hits-restore"])
    assert told["COUNTER_TRANSFER_TARGET"] == "rediss://hits-redis:6379/0"
    assert told["COUNTER_TRANSFER_TARGET_TLS_NAME"] == NAME
    assert told["COUNTER_TRANSFER_TARGET_CA_FILE"] == "/etc/request-counter/redis-ca/ca.crt"
    assert told["COUNTER_TRANSFER_SOURCE"].startswith("redis://127.0.0.1:")


def test_counts_are_moved_by_tls_on_both_sides() -> None:
    moving = counter({"store": {"redis": {"mode": "Cluster", "tls": CERTIFICATE}}}, status=MOVING_STATUS)
    told = environment(rendered(moving)["Job/hits-transfer"])
    for side, scheme in (("SOURCE", "rediss://"), ("TARGET", "rediss+cluster://")):
        assert told[f"COUNTER_TRANSFER_{side}"].startswith(scheme)
        assert told[f"COUNTER_TRANSFER_{side}_TLS_NAME"] == NAME
        assert told[f"COUNTER_TRANSFER_{side}_CA_FILE"].endswith("-redis-ca/ca.crt")


def after_a_look(resource: RequestCounter) -> RequestCounter:
    store = store_status(resource, Observed(), "2026-01-01T00:00:00Z")
    return resource.model_copy(update={"status": resource.status.model_copy(update={"store": store})})


def test_a_redis_that_is_left_for_somebody_elses_keeps_its_certificate() -> None:
    settled = after_a_look(with_tls("Sentinel"))
    moving = counter(EXTERNAL).model_copy(update={"status": settled.status})
    assert moving.is_moving
    assert moving.redis_tls == moving.serving.spec.store.redis.tls == settled.spec.store.redis.tls
    assert (
        rendered(moving, "digest")["StatefulSet/hits-sentinel"]
        == rendered(settled, "digest")["StatefulSet/hits-sentinel"]
    )
    assert environment(rendered(moving)["Deployment/hits"]) == environment(rendered(settled)["Deployment/hits"])


def test_somebody_elses_redis_is_left_for_one_with_a_certificate() -> None:
    settled = after_a_look(counter(EXTERNAL))
    moving = with_tls("Cluster").model_copy(update={"status": settled.status})
    assert moving.serving.spec.store.redis.tls is None
    assert moving.redis_tls is not None
    assert environment(rendered(moving)["Deployment/hits"]) == environment(rendered(settled)["Deployment/hits"])


async def test_a_certificate_that_is_missing_is_told_of_also_while_all_is_well() -> None:
    rollout = Rollout(observed=True, wanted=1, present=1, updated=1, ready=1)
    cache, api = Cache(), ApiObjects()
    cache.attach({}, {KEY: [Child(ChildKey("Deployment", "hits"), "u", 1, "o", False, "d", True, rollout)]})  # noqa: FBT003
    observes = Observer(cache, api, Followed(SILENCE), Stores(lambda _: None), lambda: True)  # type: ignore[arg-type]
    found = await observes.observe(KEY, counter(TLS), Made(), credentials=CREDENTIALS)
    assert found.missing_secrets == ("Secret hits-redis-tls",)


async def test_a_new_certificate_is_brought_to_the_sentinels_by_the_next_pass() -> None:
    world = World()
    world.api.add(secret(files(AUTHORITY)))
    key = world.add("hits", "u", TLS)
    await world.settle(key)
    await world.reconcile(key)
    assert [request for request in world.api.writes if "StatefulSet" in request] == []
    world.api.add(secret(files(AUTHORITY)))
    world.start()  # which knows nothing, as one that has waited until what it knows is old
    await world.reconcile(key)
    assert [request for request in world.api.writes if "StatefulSet" in request] == ["patch StatefulSet hits-sentinel"]


async def test_nobody_is_asked_while_nobody_is_to_be_trusted_and_that_is_news() -> None:
    rollout = Rollout(observed=True, wanted=3, present=3, updated=3, ready=3)
    cache, api, told = Cache(), ApiObjects(), list[Key]()
    stores = Stores(told.append)
    cache.attach({}, {KEY: [Child(ChildKey("StatefulSet", "hits-redis"), "u", 1, "o", False, "d", True, rollout)]})  # noqa: FBT003
    observes = Observer(cache, api, Followed(SILENCE), stores, lambda: True)  # type: ignore[arg-type]
    await observes.observe(KEY, counter(TLS), Made(), credentials=CREDENTIALS)
    assert await observes.look_now(KEY) == StoreReading(certificate_fault="Secret hits-redis-tls")
    assert told == [KEY]
    observes.forget(KEY)

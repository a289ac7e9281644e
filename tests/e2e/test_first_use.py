"""The first five minutes: apply a counter, count with it, look at it, delete it."""

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import count, host, start


async def test_apply_count_and_look(namespace: Kubectl) -> None:
    await start(namespace)
    assert [await count(namespace, "PUT", "/a/b") for _ in range(3)] == [1, 2, 3]
    assert await count(namespace, "PUT", "/c") == 1
    assert await count(namespace, "GET", "/a/b") == 3
    assert await count(namespace, "GET", "/") == 4

    async def row() -> list[str]:
        heading, line = (await namespace("get", "requestcounters")).splitlines()
        assert heading.split() == ["NAME", "READY", "REPLICAS", "TOTAL", "URL", "STORE", "AGE"]
        return line.split()[:-1]

    expected = ["hits", "True", "2", "4", f"http://{host(namespace)}:8080", "Standalone"]
    await eventually(lambda: _equal(row, expected), within_s=30)
    assert await namespace("get", "rqc", "--output=name") == "requestcounter.requestcounter.io/hits\n"


async def _equal(row: object, expected: list[str]) -> bool:
    assert callable(row)
    return bool(await row() == expected)


async def test_nothing_of_the_operators_is_on_the_resource_but_its_status(namespace: Kubectl) -> None:
    await start(namespace)
    metadata = (await namespace.get("requestcounter", "hits", "--show-managed-fields"))["metadata"]
    assert "finalizers" not in metadata
    assert set(metadata["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}
    ours = [entry for entry in metadata["managedFields"] if entry["manager"] == "request-counter-operator"]
    assert [(entry["operation"], entry["subresource"]) for entry in ours] == [("Apply", "status")]


async def test_two_counters_of_one_name_in_two_namespaces_count_apart(namespace: Kubectl, kubectl: Kubectl) -> None:
    other = kubectl.within(f"{namespace.namespace}-b")
    await kubectl("create", "namespace", other.namespace)
    try:
        await start(namespace)
        await start(other, {"exposure": {"type": "Ingress", "host": host(other)}})
        assert await count(namespace, "PUT", "/a") == 1
        assert await count(namespace, "PUT", "/a") == 2
        assert await count(other, "PUT", "/a") == 1
        assert await count(other, "GET", "/") == 1
    finally:
        await kubectl("delete", "namespace", other.namespace, "--wait=false")


async def test_deleting_takes_everything_but_the_volume_and_a_namesake_gets_the_counts_back(
    namespace: Kubectl,
) -> None:
    kinds = "deployments,statefulsets,services,ingresses,secrets,configmaps,hpa,pdb,serviceaccounts,pods"
    ours = "--selector=app.kubernetes.io/managed-by=request-counter-operator"
    await start(namespace)
    assert await count(namespace, "PUT", "/kept") == 1
    await namespace("delete", "requestcounter", "hits")

    async def all_gone() -> bool:
        return not (await namespace.get(kinds, ours))["items"]

    await eventually(all_gone, within_s=60)
    assert await namespace.find("pvc", "data-hits-redis-0") is not None
    await start(namespace)
    assert await count(namespace, "GET", "/kept") == 1

"""`up`: from whatever there is to a counter that answers. Each step leaves alone what is right already."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from infra.kind import smoke, workloads
from infra.kind.cluster import CONTROL_PLANE, NODES, ensure_cluster, kubectl
from infra.kind.daemon import ensure_daemon
from infra.kind.from_source.binaries import compile_binaries
from infra.kind.from_source.recipes import METRICS_SERVER, PYTHON, REDIS, TRAEFIK, chosen_node
from infra.kind.images import ensure_images
from infra.kind.nodes import load_images
from infra.kind.process import stop_all
from infra.kind.progress import Steps
from infra.kind.project import build_project_image, project_images
from infra.kind.tools import Tools, get_tools


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `up` has to show."""

    tools: Tools
    exchanges: list[str]
    counters: str


def up(steps: Steps) -> Outcome:
    """Bring the cluster up, with the operator and the sample counter as they are in this checkout.

    Raises:
        ClusterError: A step failed; what the steps before it made stays, and a repeat carries on from there.
    """
    with steps.step("Docker daemon") as step:
        ensure_daemon(step)
    with steps.step("kind, kubectl") as step:
        tools = get_tools(step)
    _side_by_side(lambda: _cluster(tools, steps), lambda: _images(steps))
    _load(steps)
    operator, service = project_images()
    with steps.step("Traefik, metrics-server") as step:
        workloads.apply_addons(tools, step)
    with steps.step("operator") as step:
        workloads.deploy_operator(tools, operator, step)
    with steps.step("sample counter") as step:
        workloads.deploy_sample(tools, service, step)
        workloads.await_addons(tools)
    with steps.step("first requests") as step:
        exchanges = smoke.put_and_get(step)
    return Outcome(tools, exchanges, kubectl(tools, "get", "requestcounters", "-n", "default"))


def _cluster(tools: Tools, steps: Steps) -> None:
    ensure_images([chosen_node(os.environ), METRICS_SERVER], steps)
    if tools.missing:  # unless they were compiled along with the node
        with steps.step(", ".join(tools.missing)) as step:
            compile_binaries(tools.missing, step)
    with steps.step("cluster") as step:
        ensure_cluster(tools, step)


def _images(steps: Steps) -> None:
    ensure_images([PYTHON, REDIS, TRAEFIK], steps)
    for image in project_images():
        with steps.step(f"{image.program} image") as step:
            build_project_image(image, step)


def _load(steps: Steps) -> None:
    """Each node gets what runs on it: counters on all of them, the ingress and metrics on the control plane."""
    workload_images = [REDIS.name, *(image.name for image in project_images())]
    with steps.step("images into nodes") as step, ThreadPoolExecutor() as pool:
        step.note("loading")
        addons = pool.submit(load_images, [TRAEFIK.name, METRICS_SERVER.name], [CONTROL_PLANE])
        loaded = load_images(workload_images, NODES) + addons.result()
        step.note(", ".join(loaded) or "are there")


def _side_by_side(*lanes: Callable[[], None]) -> None:
    """Run all at once. When one fails, or the user interrupts, end what the others are running, and raise that."""
    with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
        running = [pool.submit(lane) for lane in lanes]
        try:
            for ended in as_completed(running):
                ended.result()
        except BaseException:
            stop_all()
            raise

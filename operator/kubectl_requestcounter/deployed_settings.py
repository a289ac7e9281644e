"""The settings of the operator that runs in the cluster, as its Deployment's environment has them."""

from typing import NamedTuple

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from kubectl_requestcounter.cluster import Body, Cluster
from kubectl_requestcounter.errors import ForbiddenError, PluginError
from request_counter_operator import __version__
from request_counter_operator.kinds import DEPLOYMENT
from request_counter_operator.settings import Settings

OPERATOR_DEPLOYMENT = "request-counter-operator"
OPERATOR_NAMESPACE = "request-counter-system"
_PREFIX = str(Settings.model_config["env_prefix"])


class DeployedSettings(Settings):
    """The same settings, of what is given and of nothing else: the environment here is the user's."""

    @classmethod
    def settings_customise_sources(  # the signature is pydantic's
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given only."""
        return (init_settings,)


class Deployed(NamedTuple):
    """Settings, and notes on what about them is uncertain."""

    settings: Settings
    notes: list[str]


async def read_settings(cluster: Cluster, namespace: str) -> Deployed:
    """Return the settings of the operator in this namespace; the defaults, with a note, where they cannot be read.

    Raises:
        ApiError: The API server could not be reached.
    """
    try:
        deployment = await cluster.find(DEPLOYMENT, namespace, OPERATOR_DEPLOYMENT)
    except ForbiddenError as error:
        return Deployed(DeployedSettings(), [f"the operator's settings are taken to be the defaults: {error}"])
    if deployment is None:
        note = f"there is no operator in namespace {namespace!r} (--operator-namespace): default settings are taken"
        return Deployed(DeployedSettings(), [note])
    return settings_of(deployment)


def settings_of(deployment: Body) -> Deployed:
    """Return the settings that the operator's Deployment gives it.

    Raises:
        PluginError: This release of the plugin does not understand one.
    """
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    values = {"namespace": deployment["metadata"]["namespace"]}
    notes = []
    for variable in container.get("env", ()):
        name = variable["name"].removeprefix(_PREFIX).lower()
        if not variable["name"].startswith(_PREFIX) or name not in Settings.model_fields:
            continue
        if "value" in variable:
            values[name] = variable["value"]
        elif "fieldRef" not in variable.get("valueFrom", {}):
            notes.append(f"{variable['name']} of the operator is not in its Deployment itself: the default is taken")
    if container.get("envFrom"):
        notes.append("the operator has settings that are not in its Deployment itself: their defaults are taken")
    if (release := _release(container["image"])) not in {None, __version__}:
        notes.append(f"the operator is of release {release}, this plugin of {__version__}: they may render differently")
    try:
        return Deployed(DeployedSettings.model_validate(values), notes)
    except ValidationError as error:
        fault = error.errors()[0]
        variable = _PREFIX + "_".join(map(str, fault["loc"])).upper()
        raise PluginError(f"the operator's setting {variable} is not understood: {fault['msg']}") from error


def _release(image: str) -> str | None:
    """Return the release that an image's tag tells, or None where it tells none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if tag[:1].isdigit() else None

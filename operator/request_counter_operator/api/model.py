"""What all types of the resource are, and the few that several of its parts share."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A frozen value whose fields are written in camelCase outside of Python. Unknown fields are a newer version's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class ResourceList(Model):
    """CPU and memory as Kubernetes quantities, such as ``100m`` and ``64Mi``."""

    cpu: str | int | None = None
    memory: str | int | None = None


class Resources(Model):
    """What a container asks for, and may use at most."""

    requests: ResourceList | None = None
    limits: ResourceList | None = None


DEFAULT_RESOURCES = Resources(requests=ResourceList(cpu="100m", memory="64Mi"), limits=ResourceList(memory="256Mi"))

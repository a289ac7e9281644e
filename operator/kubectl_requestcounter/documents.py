"""RequestCounters in files: what ``kubectl apply -f`` would be given. Pure."""

from typing import Any

import yaml

from kubectl_requestcounter.errors import PluginError
from request_counter_operator.api import GROUP, KIND

Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads what JSON can say: a date stays the text that it is written as, as in kubectl."""


_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_counters(text: str, source: str) -> list[Document]:
    """Return the RequestCounters of any version among the YAML or JSON documents, those of Lists included.

    Raises:
        PluginError: It is no YAML, or there is no RequestCounter in it; ``source`` is how the message calls it.
    """
    try:
        documents = list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        raise PluginError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    counters: list[Document] = []
    for document in documents:
        if not isinstance(document, dict):
            continue
        items = document.get("items") if str(document.get("kind")).endswith("List") else [document]
        counters += [item for item in items or () if isinstance(item, dict) and _is_counter(item)]
    if not counters:
        raise PluginError(f"there is no {KIND} in {source}")
    return counters


def _is_counter(document: Document) -> bool:
    return document.get("kind") == KIND and str(document.get("apiVersion")).partition("/")[0] == GROUP

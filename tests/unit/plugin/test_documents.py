"""RequestCounters are found in what kubectl would be given, and everything else is left alone."""

import pytest

from kubectl_requestcounter.documents import read_counters
from kubectl_requestcounter.errors import PluginError

COUNTER = "apiVersion: requestcounter.io/v1\nkind: RequestCounter\nmetadata: {name: hits}\n"


def names(text: str) -> list[str]:
    return [counter["metadata"]["name"] for counter in read_counters(text, "a file")]


def test_counters_among_other_documents_are_found_in_their_order() -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"
    text = "---\n".join(["# nothing\n", other, COUNTER, "null\n", COUNTER.replace("hits", "more")])
    assert names(text) == ["hits", "more"]


def test_lists_and_json_are_read() -> None:
    assert names(
        '{"apiVersion": "v1", "kind": "List", "items": [{"kind": "RequestCounter", '
        '"apiVersion": "requestcounter.io/v2", "metadata": {"name": "hits"}}]}'
    ) == ["hits"]


def test_dates_stay_text_as_in_kubectl() -> None:
    (counter,) = read_counters(COUNTER + "spec: {image: 2026-01-01}\n", "a file")
    assert counter["spec"]["image"] == "2026-01-01"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no RequestCounter in a file"),
        ("just words", "there is no RequestCounter in a file"),
        (COUNTER.replace("requestcounter.io", "example.com"), "there is no RequestCounter in a file"),
        ("a: [", "a file is not YAML: "),
        ("a: !!python/object/apply:os.system ['true']", "a file is not YAML: "),
    ],
)
def test_what_has_none_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(PluginError, match=sentence) as refusal:
        read_counters(text, "a file")
    assert "\n" not in str(refusal.value)

"""What goes wrong is told in a sentence, with the exit code that the help promises and no traceback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from click.testing import CliRunner, Result

from kubectl_requestcounter.cli import main

COUNTER = "{apiVersion: requestcounter.io/v1, kind: RequestCounter, metadata: {name: hits}}"


def run(*arguments: str, kubeconfig: Path, stdin: str = "") -> Result:
    """Run the plugin with nothing of this process's Kubernetes about it."""
    environment = {"KUBECONFIG": str(kubeconfig), "KUBERNETES_SERVICE_HOST": None}
    return CliRunner().invoke(main, arguments, env=environment, input=stdin, prog_name="kubectl-requestcounter")


def refusal(*arguments: str, kubeconfig: Path, stdin: str = "") -> str:
    """Return the sentence with which the plugin ends."""
    ended = run(*arguments, kubeconfig=kubeconfig, stdin=stdin)
    assert isinstance(ended.exception, SystemExit), ended.exception
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.strip()


def write_kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "config"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "mine"}}],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """Have a server with one answer to everything: an API server in a state that no real one can be brought to here."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_without_a_kubeconfig_there_is_no_cluster(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    expected = f"error: no cluster is selected: there is no kubeconfig at {missing}"
    assert refusal("status", "hits", kubeconfig=missing) == expected


@pytest.mark.parametrize("content", ["", "words", "a: [", "contexts: 1"])
def test_a_broken_kubeconfig_is_no_cluster(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert refusal("status", kubeconfig=path).startswith("error: ")


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path, "http://127.0.0.1:1")
    expected = "error: no cluster is selected: the kubeconfig has no context 'elsewhere'"
    assert refusal("status", "--context=elsewhere", kubeconfig=path) == expected


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with answering(200, "") as server:
        pass
    path = write_kubeconfig(tmp_path, server)
    assert f"cannot reach the API server at {server}: " in refusal("status", "hits", kubeconfig=path)


def test_a_cluster_without_the_definition_is_told_to_install_it(tmp_path: Path) -> None:
    with answering(404, "404 page not found\n") as server:
        path = write_kubeconfig(tmp_path, server)
        assert "this cluster has no RequestCounters" in refusal("pause", "hits", kubeconfig=path)


def test_a_resource_that_is_not_there_is_told_with_its_namespace(tmp_path: Path) -> None:
    answer = json.dumps({"kind": "Status", "message": 'requestcounters.requestcounter.io "hits" not found'})
    with answering(404, answer) as server:
        path = write_kubeconfig(tmp_path, server)
        told = refusal("status", "hits", kubeconfig=path)
        assert told == """error: requestcounters.requestcounter.io "hits" not found in namespace 'mine'"""
        assert "in namespace 'other'" in refusal("status", "hits", "-n", "other", kubeconfig=path)


@pytest.mark.parametrize(("status", "sentence"), [(401, "does not know you"), (403, "cannot get"), (500, "Internal")])
def test_other_refusals_are_passed_on(tmp_path: Path, status: int, sentence: str) -> None:
    answer = json.dumps({"message": 'User "me" cannot get resource'}) if status == 403 else "oops"
    with answering(status, answer) as server:
        assert sentence in refusal("status", "hits", kubeconfig=write_kubeconfig(tmp_path, server))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    assert str(missing) in refusal("diff", "-f", str(missing), kubeconfig=tmp_path)


def test_standard_input_without_a_counter_is_refused(tmp_path: Path) -> None:
    told = refusal("diff", "-f", "-", kubeconfig=tmp_path, stdin="kind: ConfigMap")
    assert told == "error: there is no RequestCounter in standard input"


@pytest.mark.parametrize("arguments", [["diff"], ["diff", "hits", "-f", "-"], ["status", "hits", "-A"], ["verify"]])
def test_options_that_make_no_sense_are_refused_with_the_code_of_an_error(tmp_path: Path, arguments: list[str]) -> None:
    ended = run(*arguments, kubeconfig=tmp_path, stdin=COUNTER)
    assert ended.exit_code == 2
    assert isinstance(ended.exception, SystemExit)
    assert "Error: " in ended.stderr


@pytest.mark.parametrize("command", ["diff", "status", "verify", "restart"])
def test_help_has_examples_on_lines_of_their_own(tmp_path: Path, command: str) -> None:
    ended = run(command, "--help", kubeconfig=tmp_path)
    assert ended.exit_code == 0
    assert f"\n    kubectl requestcounter {command} hits\n" in ended.stdout
    assert all(option in ended.stdout for option in ("--context", "--kubeconfig", "-n, --namespace"))

"""What a command found out, as lines that a workflow appends to its outputs."""

from pathlib import Path

from infra.delivery import places


def write_outputs(name: str, values: dict[str, str]) -> Path:
    """Write build/outputs/<name>.env, lines of name=value; return the file."""
    file = places.BUILD / "outputs" / f"{name}.env"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return file

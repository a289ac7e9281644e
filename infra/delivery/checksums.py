"""SHA256SUMS: what `sha256sum --check` reads."""

import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def write_checksums(folder: Path) -> Path:
    """Write the checksums of all files in a folder into it; return the file."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != NAME)
    target = folder / NAME
    target.write_text(
        "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files), newline="\n"
    )
    return target

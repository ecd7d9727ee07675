"""The version of the code that wrote a copy: rows computed by another version are not reused."""

import functools
import hashlib
from pathlib import Path

import duckdb

import payouts


@functools.cache
def code_version() -> str:
    """Return a hash of the code that writes copies (this package and `payouts`) and of the engine's version."""
    packages = (Path(__file__).parent, Path(payouts.__file__).parent)
    files = sorted(path for package in packages for path in package.rglob("*") if path.suffix in {".py", ".sql"})
    digest = hashlib.sha256(duckdb.__version__.encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()

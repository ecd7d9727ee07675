"""Keeps pandas out of commands that only look something up."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType


class _NoPandas(MetaPathFinder):
    """Answers an import of pandas as if it were not installed."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let pandas look as if it were not installed in the context, unless it is imported already.

    DuckDB compares each bound value with the nulls of pandas, and imports pandas for that: 0.7 s of CPU. Without pandas
    it does not compare. Can go when duckdb-python asks first whether pandas is imported.
    """
    no_pandas = _NoPandas()
    sys.meta_path.insert(0, no_pandas)
    try:
        yield
    finally:
        sys.meta_path.remove(no_pandas)

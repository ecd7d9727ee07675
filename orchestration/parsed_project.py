"""The dbt project, parsed once per version of its files. Manifests are kept in the data home under a content hash.

Changed files have another hash, so an outdated manifest is never used.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from allive.ingestion.settings import Settings

KEPT_CONTENTS = 4
_NOT_CONTENT = {"target", "logs", "dbt_packages", "__pycache__", ".user.yml"}


_ADAPTERS = {"duckdb": ("dbt-duckdb",), "spark": ("dbt-spark", "pyspark")}


@dataclass(frozen=True)
class ParsedProject:
    """One version of the dbt project's files for one engine, with the folder of its manifest and test results."""

    content_hash: str
    folder: Path
    engine: str = "duckdb"
    """The dbt target. The column types in contracts differ between engines."""

    @property
    def manifest_path(self) -> Path:
        """The manifest as Dagster reads it (JSON)."""
        return self.folder / "manifest.json"

    @property
    def parsed_path(self) -> Path:
        """The manifest as dbt reads it. A manifest read from JSON would break generic tests."""
        return self.folder / "partial_parse.msgpack"

    @property
    def unit_tests_path(self) -> Path:
        """The results of the unit tests, saved once they have all passed on these files."""
        return self.folder / "unit_tests_passed.json"


def parsed_project(settings: Settings, *, project_dir: Path | None = None, engine: str = "duckdb") -> ParsedProject:
    """Return the manifest of the project's current files for an engine, parsing them if needed (2-4 s).

    Raises RuntimeError with dbt's own message if the project does not parse.
    """
    project_dir = project_dir or settings.dbt_project_dir
    content = content_hash(project_dir, engine=engine)
    folder = settings.warehouse_path.parent / "dbt" / content[:16]
    project = ParsedProject(content_hash=content, folder=folder, engine=engine)
    if project.manifest_path.exists() and project.parsed_path.exists():
        return project
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Parsed in a temporary folder, then renamed: another process must never see half a manifest.
    aside = Path(tempfile.mkdtemp(prefix=".parsing-", dir=folder.parent))
    try:
        _parse(settings, project_dir, target=aside, engine=engine)
        if content_hash(project_dir, engine=engine) != content:
            raise RuntimeError(f"{project_dir} changed while it was parsed; expected no changes. Run again.")
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _forget_old_contents(folder)
    return project


def content_hash(project_dir: Path, *, engine: str = "duckdb") -> str:
    """Hash everything that a parse depends on: the files, their location, and the versions of dbt and the engine."""
    digest = hashlib.sha256()
    for part in (str(project_dir), version("dbt-core"), *map(version, _ADAPTERS[engine])):
        digest.update(part.encode() + b"\0")
    for path in sorted(project_dir.rglob("*")):
        inside = path.relative_to(project_dir)
        if _NOT_CONTENT.isdisjoint(inside.parts) and path.is_file():
            content = path.read_bytes()
            digest.update(f"{inside.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@contextmanager
def profile_environment(settings: Settings, **more: str) -> Iterator[None]:
    """Set the environment variables that the dbt project reads, and those in `more`; restore the old values on exit."""
    values = {
        "ALLIVE_WAREHOUSE_PATH": str(settings.warehouse_path),
        "ALLIVE_WAREHOUSE_THREADS": str(settings.threads or os.cpu_count() or 1),
        "ALLIVE_WAREHOUSE_MEMORY_LIMIT": settings.duckdb_memory_limit,
        "ALLIVE_TEMP_DIR": str(settings.temp_dir),
        **more,
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def without_dbt_flags() -> Iterator[None]:
    """Hide the environment's DBT_* variables from dbt; restore them on exit.

    dbt takes every one of its options from there too. With DBT_EMPTY, say, a build would succeed without any row.
    """
    hidden = {name: value for name, value in os.environ.items() if name.startswith("DBT_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def dbt_arguments(settings: Settings, *, project_dir: Path, target: Path, engine: str = "duckdb") -> list[str]:
    """The arguments that every dbt invocation of the project shares."""
    return [
        *("--project-dir", str(project_dir), "--profiles-dir", str(project_dir), "--target", engine),
        *("--target-path", str(target), "--log-path", str(settings.home / "logs")),
        *("--log-level", "none", "--log-level-file", "info", "--log-format-file", "text"),
        *("--quiet", "--no-print", "--no-use-colors", "--no-version-check"),
        "--no-send-anonymous-usage-stats",
    ]


def _parse(settings: Settings, project_dir: Path, *, target: Path, engine: str) -> None:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes 2 s, which an unchanged project does not need

    with without_dbt_flags(), profile_environment(settings):
        arguments = dbt_arguments(settings, project_dir=project_dir, target=target, engine=engine)
        result = dbtRunner().invoke(["parse", *arguments])
    if not result.success:
        raise RuntimeError(
            f"The dbt project in {project_dir} does not parse: {result.exception}. Fix it, then run again."
        )


def _forget_old_contents(newest: Path) -> None:
    contents = [path for path in newest.parent.iterdir() if not path.name.startswith(".")]
    contents.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in contents[KEPT_CONTENTS:]:
        shutil.rmtree(old, ignore_errors=True)

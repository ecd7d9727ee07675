"""The one Spark session of a process: what it needs on the machine, and its settings.

It keeps its tables in memory, created again from the data home (`built_tables.py`): no metastore to keep or repair.
"""

import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from allive.ingestion.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA: Final = 17
LOG_CONFIGURATION: Final = Path(__file__).with_name("log4j2.properties")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SparkUnavailableError(RuntimeError):
    """Spark cannot run here; the message says what is missing and what to do."""


def require_spark() -> None:
    """Raise SparkUnavailableError unless the extra is installed and a Java that Spark can use is found."""
    try:
        version("pyspark"), version("dbt-spark")
    except PackageNotFoundError as error:
        raise SparkUnavailableError(
            f"ALLIVE_ENGINE=spark: found no package {error.name}; expected the extra `spark`. Install it: "
            "pip install '.[spark]', or set ALLIVE_ENGINE=duckdb."
        ) from None
    found = java_version()
    if found is None or found < OLDEST_JAVA:
        told = "no java" if found is None else f"Java {found}"
        raise SparkUnavailableError(
            f"ALLIVE_ENGINE=spark: found {told}; expected Java {OLDEST_JAVA} or newer, in JAVA_HOME or on PATH. "
            "Install one (Debian: openjdk-17-jre-headless), or set ALLIVE_ENGINE=duckdb."
        )
    # PySpark warns about pandas 3, which is not used here. Can go when PySpark supports it.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)


def java_version() -> int | None:
    """The major version of the Java that Spark would start; None if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - found above
    major = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(major[1]) if major else None


def session_properties(settings: Settings) -> dict[str, str]:
    """Spark's properties: those that keep its rows equal to DuckDB's, then where it runs and with how much memory."""
    java_options = "-Duser.timezone=UTC"
    log = settings.home / "logs" / "spark.log"
    properties = {
        "spark.app.name": "allive",
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.executor.memory": settings.spark_executor_memory,
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.sources.partitionOverwriteMode": "dynamic",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(settings.spark_dir / "tables"),
        "spark.driver.extraJavaOptions": (
            f"{java_options} -Dallive.spark.log={log} -Dlog4j2.configurationFile={LOG_CONFIGURATION}"
        ),
        "spark.executor.extraJavaOptions": java_options,
        "spark.local.dir": str(settings.temp_dir),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if is_on_loopback(settings.spark_master):
        properties |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return properties | (read_properties(settings.spark_conf) if settings.spark_conf else {})


def read_properties(path: Path) -> dict[str, str]:
    """Read a file of Spark's properties: a name, spaces or `=`, a value; `#` begins a comment."""
    properties = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, value = re.sub(r"[\s=]+", " ", line.strip(), count=1).partition(" ")
            properties[name] = value
    return properties


def is_on_loopback(master: str) -> bool:
    """Whether a master runs on this machine alone.

    >>> is_on_loopback("local[2]"), is_on_loopback("spark://127.0.0.1:7077"), is_on_loopback("spark://lyon:7077")
    (True, True, False)
    """
    return master.startswith("local") or urlsplit(master).hostname in _LOOPBACK


@contextmanager
def spark_session(settings: Settings) -> Iterator["SparkSession"]:
    """Start a session, or use the one that this process has. A session started here is stopped on exit.

    Raises:
        SparkUnavailableError: The extra or Java is missing.
    """
    require_spark()
    from pyspark.sql import SparkSession  # noqa: PLC0415 - takes 1 s, and is an extra

    keep_ansi_on()
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    for folder in (settings.home / "logs", settings.temp_dir, settings.spark_dir):
        folder.mkdir(parents=True, exist_ok=True)
    builder = SparkSession.builder
    for name, value in session_properties(settings).items():
        builder = builder.config(name, value)
    if is_on_loopback(settings.spark_master):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def keep_ansi_on() -> None:
    """Keep Spark's ANSI mode on, which dbt-spark switches off before each statement.

    Without it an overflow of money would be a NULL, not an error. Can go when `server_side_parameters` can set it:
    dbt-spark 1.11 overwrites their value ("to ensure compatibility with Spark v3 and v4").
    """
    from dbt.adapters.spark.connections import SparkCredentials  # noqa: PLC0415 - an extra

    if getattr(SparkCredentials, "keeps_ansi_on", False):
        return
    theirs = SparkCredentials.__post_init__

    def __post_init__(credentials: SparkCredentials) -> None:  # noqa: N807 - replaces the original
        theirs(credentials)
        credentials.server_side_parameters["spark.sql.ansi.enabled"] = "true"

    SparkCredentials.__post_init__ = __post_init__
    SparkCredentials.keeps_ansi_on = True

"""Every setting of the project, typed, read from the environment once.

A setting is an environment variable `ALLIVE_<NAME>`, or a line of that name in the data home's `allive.env`; the
environment comes first. Nothing else in the code reads the environment.
"""

from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, PrivateAttr, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SETTINGS_FILE = "allive.env"
WarningKind = Literal[
    "live_unknown",
    "periods_overlap",
    "day_over_24_hours",
    "day_without_heartbeats",
    "day_unusual",
    "player_rejects",
    "player_single_heartbeats",
    "player_frozen_positions",
    "player_sparse_heartbeats",
    "player_missing_positions",
    "watched_unsubscribed",
    "refund_of_final_month",
    "iban_shared",
    "iban_changed",
    "rejects",
]
"""What may be open before a close; `payouts.close_warnings` says what each means."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Settings and the layout of the data home (INTERFACES.md, "Data home")."""

    model_config = SettingsConfigDict(env_prefix="ALLIVE_", env_file_encoding="utf-8", frozen=True, extra="ignore")

    home: Path = Field(
        default=PROJECT_ROOT / "data",
        description="Everything that is not code: landing, raw, held, warehouse, serving, payouts.",
    )
    memory_limit: str = Field(
        default="8GB", description="Memory that a run may take; DuckDB has 85 % of it, and spills beyond."
    )
    threads: int = Field(default=0, ge=0, description="DuckDB's threads; 0 means all cores.")
    landed_file_limit: str = Field(
        default="100GB", description="Size of a landed file, decompressed, beyond which it is set aside."
    )
    landed_ratio_limit: int = Field(
        default=200,
        ge=1,
        description="How many times its size a landed file may decompress to (beyond 64 MiB) before it is set aside.",
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="What builds the warehouse; Spark needs the extra `spark` and Java 17."
    )
    spark_master: str = Field(default="local[*]", description="Where Spark runs: local[n], spark://host:7077, yarn …")
    spark_driver_memory: str = Field(default="2g", description="Memory of Spark's driver; a local master has no other.")
    spark_executor_memory: str = Field(default="4g", description="Memory of one Spark executor.")
    spark_shuffle_partitions: int = Field(
        default=16, ge=1, description="Partitions of a shuffle, before Spark merges small ones: a few a core."
    )
    spark_conf: Path | None = Field(
        default=None, description="A file of Spark's properties (as spark-defaults.conf), which win over ours."
    )
    lock_timeout_s: float = Field(
        default=0, ge=0, description="How long a command waits for another to release the data home."
    )
    raw_grace_hours: int = Field(
        default=24, ge=0, description="How long a raw file that was rewritten into another stays for its readers."
    )
    auto_close: bool = Field(default=False, description="Whether the schedule on the 3rd may close a month by itself.")
    auto_close_stops_at: frozenset[WarningKind] = Field(
        default=frozenset(get_args(WarningKind)),
        description="The kinds of open warnings at which auto_close leaves the month to a person, as a JSON list.",
    )
    second_person: bool = Field(
        default=False, description="Whether a close that one person ordered wants the approval of another."
    )
    alert_channel: Literal["file", "webhook", "mail"] = Field(
        default="file", description="Where run failures and refused closings are reported."
    )
    alert_webhook_url: str | None = Field(default=None, description="Receives alerts as JSON by POST.")
    alert_mail_to: str | None = Field(default=None, description="Recipient of alert mails.")
    alert_mail_from: str = Field(default="warehouse@localhost", description="Sender of alert mails.")
    smtp_host: str = Field(default="localhost", description="Mail server for alerts.")
    smtp_port: int = Field(default=25, ge=1, le=65535)
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="Key of the subscribers' pseudonyms; by default a random one kept with the payouts.",
    )
    payer_name: str | None = Field(default=None, description="Holder of the account that artists are paid from.")
    payer_iban: str | None = Field(default=None, description="IBAN of that account.")
    payer_bic: str | None = Field(default=None, description="BIC of its bank.")
    payer_street: str | None = Field(default=None, description="The holder's street and number.")
    payer_postcode: str | None = Field(default=None, description="The holder's postcode.")
    payer_town: str | None = Field(default=None, description="The holder's town.")
    payer_country: str = Field(default="FR", description="The holder's country, a code of two letters.")
    statement_contact: str = Field(
        default="artistes@allive.example", description="Whom artists may write to about a statement."
    )

    public_url: str | None = Field(
        default=None,
        description="Where people reach the dashboards, such as https://artistes.example.org; default: loopback only.",
    )
    dashboards_port: int = Field(default=8501, ge=1, le=65535, description="Port of the dashboards on 127.0.0.1.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks, with commas between, whose X-Forwarded-For is believed; default: none.",
    )
    oidc_issuer: str | None = Field(default=None, description="An OpenID Connect provider to sign in with.")
    oidc_client_id: str | None = Field(default=None, description="What the provider calls the dashboards.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="The dashboards' secret at the provider.")
    oidc_label: str = Field(default="OpenID Connect", description="What the sign-in page calls the provider.")

    # No setting: the data home's own file must not choose the policy that its months close and are verified by.
    _dbt_project_dir: Path = PrivateAttr(default=DBT_PROJECT_DIR)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - has no path that could depend on the home
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in comes first, then the environment, then the data home's own file."""
        home = init_settings().get("home") or env_settings().get("home") or cls.model_fields["home"].default
        return init_settings, env_settings, DotEnvSettingsSource(settings_cls, env_file=Path(home) / SETTINGS_FILE)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        is_plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username or parts.password)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not (parts.hostname and is_plain and is_safe):
            raise ValueError(f"found {url!r}; expected https:// and a host name (http:// on loopback only), no path")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, networks: str) -> str:
        for network in networks.split(","):
            if network.strip():
                ip_network(network.strip())
        return networks

    @field_validator("oidc_issuer")
    @classmethod
    def _safe_issuer(cls, issuer: str | None) -> str | None:
        if issuer is None:
            return None
        parts = urlsplit(issuer)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            raise ValueError(f"found {issuer!r}; expected the provider's https:// address (http:// on loopback only)")
        return issuer

    @model_validator(mode="after")
    def _whole_oidc(self) -> Self:
        parts = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(parts) and not all(parts):
            raise ValueError(
                "found a part of the OpenID Connect settings; expected ALLIVE_OIDC_ISSUER, ALLIVE_OIDC_CLIENT_ID and "
                "ALLIVE_OIDC_CLIENT_SECRET together, or none of them"
            )
        return self

    @field_validator("memory_limit", "landed_file_limit")
    @classmethod
    def _a_size(cls, size: str) -> str:
        TypeAdapter(ByteSize).validate_python(size)
        return size

    @property
    def dbt_project_dir(self) -> Path:
        """The dbt project that builds the warehouse and states the policy."""
        return self._dbt_project_dir

    @property
    def policies_path(self) -> Path:
        """The policy's history: a row for each policy, from the day it comes into force (RULES.md §7)."""
        return self.dbt_project_dir / "seeds" / "policies.csv"

    def with_project(self, dbt_project_dir: Path) -> Self:
        """Return these settings with another dbt project, such as a changed copy."""
        other = self.model_copy()
        other._dbt_project_dir = dbt_project_dir  # noqa: SLF001 - of its own class
        return other

    @cached_property
    def memory_limit_bytes(self) -> int:
        """`memory_limit` as a number."""
        return TypeAdapter(ByteSize).validate_python(self.memory_limit)

    @cached_property
    def landed_file_limit_bytes(self) -> int:
        """`landed_file_limit` as a number."""
        return TypeAdapter(ByteSize).validate_python(self.landed_file_limit)

    @cached_property
    def parquet_memory_bytes(self) -> int:
        """What decoding a landed Parquet file may take: a quarter, as DuckDB works beside it."""
        return max(256 << 20, self.memory_limit_bytes // 4)

    @cached_property
    def duckdb_memory_limit(self) -> str:
        """DuckDB's part of the memory limit; Python, dbt and what DuckDB does not count take the rest."""
        return f"{self.memory_limit_bytes * 85 // 100} bytes"

    @cached_property
    def heartbeats_a_statement(self) -> int:
        """How many heartbeats one statement may group: its lists take about 22 bytes each, and do not spill."""
        return max(1, int(self.memory_limit_bytes * 0.6 / 24))

    @cached_property
    def landing_dir(self) -> Path:
        """What the outside delivers; read-only for the pipeline."""
        return self.home / "landing"

    @cached_property
    def raw_dir(self) -> Path:
        """Accepted records: one Delta table a record type, and the rejects."""
        return self.home / "raw"

    @cached_property
    def held_dir(self) -> Path:
        """Batches that failed a critical check, with their reports."""
        return self.home / "held"

    @cached_property
    def warehouse_path(self) -> Path:
        """The DuckDB file that dbt builds; can be deleted and rebuilt."""
        return self.home / "warehouse" / "allive.duckdb"

    @cached_property
    def spark_dir(self) -> Path:
        """What Spark reads and writes: links to the raw files, bookings, tables; can be deleted and rebuilt."""
        return self.home / "warehouse" / "spark"

    @cached_property
    def serving_dir(self) -> Path:
        """The published read-only copies for the dashboards."""
        return self.home / "serving"

    @cached_property
    def dashboards_address(self) -> str:
        """What a link to the dashboards begins with."""
        return self.public_url or f"http://127.0.0.1:{self.dashboards_port}"

    @cached_property
    def access_dir(self) -> Path:
        """Who may see the dashboards: accounts, invitations, sessions, grants, and the audit log of access."""
        return self.home / "access"

    @cached_property
    def payouts_dir(self) -> Path:
        """Closed months and the audit log: the system of record of money."""
        return self.home / "payouts"

    @cached_property
    def dagster_dir(self) -> Path:
        """Dagster's own storage: runs, events, schedules."""
        return self.home / "dagster"

    @cached_property
    def run_dir(self) -> Path:
        """The sockets of a running service, for the owner of the data home alone."""
        return self.home / "run"

    @cached_property
    def temp_dir(self) -> Path:
        """Where DuckDB spills."""
        return self.home / "warehouse" / "spill"

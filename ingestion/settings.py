"""Every setting of the project, typed, read from the environment once.

A setting is an environment variable `ALLIVE_<NAME>`, or a line with that name in the data home's `allive.env`; the
environment takes precedence. Nothing else in the code reads the environment.
"""

from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import ByteSize, Field, PrivateAttr, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from allive.ingestion.withholdings import Withholding, contradictions

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The repository, or the installed package `allive`."""
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SETTINGS_FILE = "allive.env"
DATA_DOCS_FOLDER = "data_docs"
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
    "bic_left_out",
    "account_in_territory",
    "account_outside_eea",
    "tax_country_unknown",
    "rejects",
]
"""The kinds of warnings that can be open before a close; `allive.payouts.close_warnings` explains each."""
_SIREN_DIGITS = 9
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def default_home() -> Path:
    """Return `data/` in a clone; where the package is installed, the user's data folder."""
    is_clone = (PROJECT_ROOT / "pyproject.toml").exists()
    return PROJECT_ROOT / "data" if is_clone else user_data_path("allive", appauthor=False)


class Settings(BaseSettings):
    """Settings and the layout of the data home (INTERFACES.md, "Data home")."""

    model_config = SettingsConfigDict(env_prefix="ALLIVE_", env_file_encoding="utf-8", frozen=True, extra="ignore")

    home: Path = Field(
        default=default_home(),
        description="Everything that is not code: landing, raw, held, warehouse, serving, payouts. Installed from a "
        "wheel, the default is the user's data folder.",
    )
    memory_limit: str = Field(
        default="8GB", description="Memory limit of a run; DuckDB gets 85 % of it, and spills to disk beyond that."
    )
    threads: int = Field(default=0, ge=0, description="DuckDB's threads; 0 means all cores.")
    landed_file_limit: str = Field(
        default="100GB", description="Largest decompressed size of a landed file; larger files are set aside."
    )
    landed_ratio_limit: int = Field(
        default=200,
        ge=1,
        description="Largest ratio of decompressed to landed size, above 64 MiB; files beyond it are set aside.",
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="Engine that builds the warehouse; Spark needs the extra `spark` and Java 17."
    )
    spark_master: str = Field(default="local[*]", description="Spark's master: local[n], spark://host:7077, yarn …")
    spark_driver_memory: str = Field(default="2g", description="Memory of Spark's driver, and of a local master.")
    spark_executor_memory: str = Field(default="4g", description="Memory of one Spark executor.")
    spark_shuffle_partitions: int = Field(
        default=16, ge=1, description="Partitions of a shuffle, before Spark merges small ones: a few per core."
    )
    spark_conf: Path | None = Field(
        default=None, description="A file of Spark properties (like spark-defaults.conf) that override ours."
    )
    lock_timeout_s: float = Field(
        default=0, ge=0, description="How long a command waits for another to release the data home."
    )
    raw_grace_hours: int = Field(
        default=24, ge=0, description="How long a raw file is kept for its readers after it was rewritten."
    )
    auto_close: bool = Field(default=False, description="Whether the schedule on the 3rd can close a month by itself.")
    auto_close_stops_at: frozenset[WarningKind] = Field(
        default=frozenset(get_args(WarningKind)),
        description="Kinds of open warnings that make auto_close leave the month to a person, as a JSON list.",
    )
    second_person: bool = Field(
        default=False, description="Whether a close that one person ordered needs the approval of another."
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
        description="Key of the pseudonyms in closed months, never to be changed; by default a random one kept there.",
    )
    payer_name: str | None = Field(default=None, description="Holder of the account that artists are paid from.")
    payer_iban: str | None = Field(default=None, description="IBAN of that account.")
    payer_bic: str | None = Field(default=None, description="BIC of its bank.")
    payer_street: str | None = Field(default=None, description="The holder's street and number.")
    payer_postcode: str | None = Field(default=None, description="The holder's postcode.")
    payer_town: str | None = Field(default=None, description="The holder's town.")
    payer_country: str = Field(default="FR", description="The holder's country, a code of two letters.")
    payer_legal_name: str | None = Field(
        default=None, description="Legal name of the company that pays, as statements print it; default: not printed."
    )
    payer_siren: str | None = Field(
        default=None, description="SIREN of that company: on statements, and in the name of the accounting file (FEC)."
    )
    vat_not_due_note: str = Field(
        default="TVA non applicable, art. 293 B du CGI",
        description="Printed on the statement of an artist without a VAT number; empty: nothing.",
    )
    vat_due_note: str = Field(
        default="", description="Printed on the statement of an artist with a VAT number; empty: nothing."
    )
    withholdings: tuple[Withholding, ...] = Field(
        default=(),
        description="Parts of payments that the law has the payer keep back, as a JSON list (docs/closing-a-month.md).",
    )
    accounts: dict[str, str] = Field(
        default={},
        description="Accounts of the books that differ from the proposed ones, as a JSON object (docs/accounts.md).",
    )
    order_max_transfers: int | None = Field(
        default=None, ge=1, description="Most transfers of one order file, by the bank's contract; default: no limit."
    )
    order_max_cents: int | None = Field(
        default=None, ge=1, description="Largest sum of one order file in cents, by the bank's contract; default: none."
    )
    statement_contact: str = Field(
        default="artistes@allive.example", description="Address that artists can write to about a statement."
    )

    public_url: str | None = Field(
        default=None,
        description="Where people reach the dashboards, such as https://artistes.example.org; default: loopback only.",
    )
    dashboards_port: int = Field(default=8501, ge=1, le=65535, description="Port of the dashboards on 127.0.0.1.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks, separated by commas, whose X-Forwarded-For is trusted; default: none.",
    )
    oidc_issuer: str | None = Field(default=None, description="Address of the OpenID Connect provider.")
    oidc_client_id: str | None = Field(default=None, description="The dashboards' client id at the provider.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="The dashboards' secret at the provider.")
    oidc_label: str = Field(default="OpenID Connect", description="The provider's name on the sign-in page.")

    # Not a setting: the data home's own file must not choose the policy that its months are closed and verified with.
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
        """Arguments take precedence, then the environment, then the data home's own file."""
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
                "found only some OpenID Connect settings; expected ALLIVE_OIDC_ISSUER, ALLIVE_OIDC_CLIENT_ID and "
                "ALLIVE_OIDC_CLIENT_SECRET together, or none of them"
            )
        return self

    @field_validator("payer_siren")
    @classmethod
    def _a_siren(cls, siren: str | None) -> str | None:
        digits = "".join((siren or "").split())
        # Luhn's formula: every second digit counts double, and a double of two digits counts as their sum.
        doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(digits) if digit in "0123456789"]
        if siren is not None and (
            len(digits) != _SIREN_DIGITS
            or len(doubled) != _SIREN_DIGITS
            or sum(value // 10 + value % 10 for value in doubled) % 10
        ):
            raise ValueError(f"found {siren!r}; expected a SIREN: nine digits, of which the last one checks the others")
        return digits or None

    @field_validator("withholdings")
    @classmethod
    def _together(cls, withholdings: tuple[Withholding, ...]) -> tuple[Withholding, ...]:
        for contradiction in contradictions(withholdings):
            raise ValueError(contradiction)
        return withholdings

    @field_validator("memory_limit", "landed_file_limit")
    @classmethod
    def _a_size(cls, size: str) -> str:
        TypeAdapter(ByteSize).validate_python(size)
        return size

    @property
    def dbt_project_dir(self) -> Path:
        """The dbt project that builds the warehouse and defines the policy."""
        return self._dbt_project_dir

    @property
    def policies_path(self) -> Path:
        """The policy's history: one row per policy, with the day it takes effect (RULES.md §7)."""
        return self.dbt_project_dir / "seeds" / "policies.csv"

    def with_project(self, dbt_project_dir: Path) -> Self:
        """Return these settings with another dbt project, such as a changed copy."""
        other = self.model_copy()
        other._dbt_project_dir = dbt_project_dir  # noqa: SLF001 - an object of the same class
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
        """Memory for decoding a landed Parquet file: a quarter of the limit, as DuckDB works at the same time."""
        return max(256 << 20, self.memory_limit_bytes // 4)

    @cached_property
    def duckdb_memory_limit(self) -> str:
        """DuckDB's part of the memory limit. The rest is for Python, dbt and memory that DuckDB does not count."""
        return f"{self.memory_limit_bytes * 85 // 100} bytes"

    @cached_property
    def heartbeats_a_statement(self) -> int:
        """How many heartbeats one statement can group: its lists take about 22 bytes each, and cannot spill."""
        return max(1, int(self.memory_limit_bytes * 0.6 / 24))

    @cached_property
    def landing_dir(self) -> Path:
        """Delivered files; read-only for the pipeline."""
        return self.home / "landing"

    @cached_property
    def raw_dir(self) -> Path:
        """Accepted records, in one Delta table per record type, and the rejects."""
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
        """Spark's input and output: links to the raw files, bookings, tables; can be deleted and rebuilt."""
        return self.home / "warehouse" / "spark"

    @cached_property
    def serving_dir(self) -> Path:
        """The published read-only copies for the dashboards."""
        return self.home / "serving"

    @cached_property
    def data_docs_dir(self) -> Path:
        """The data docs: a page for each suite's latest validation; can be deleted."""
        return self.serving_dir / DATA_DOCS_FOLDER

    @cached_property
    def dashboards_address(self) -> str:
        """The beginning of every link to the dashboards."""
        return self.public_url or f"http://127.0.0.1:{self.dashboards_port}"

    @cached_property
    def access_dir(self) -> Path:
        """Access to the dashboards: accounts, invitations, sessions, grants, and the audit log of access."""
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
        """The sockets of a running service, which only the owner of the data home can use."""
        return self.home / "run"

    @cached_property
    def temp_dir(self) -> Path:
        """The folder that DuckDB spills to."""
        return self.home / "warehouse" / "spill"

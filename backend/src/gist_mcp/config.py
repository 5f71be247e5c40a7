"""Every setting: its environment variable, unit and default. `config_source` reads them."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gist_mcp.allowed_users import AllowedUsers
from gist_mcp.github_address import PUBLIC_WEB_URL, api_url_of
from gist_mcp.origin import (
    LOOPBACK_HOSTS,
    OwnOrigins,
    checked_base_url,
    checked_host,
    checked_origin,
)

DEFAULT_PORT = 9991
DEFAULT_MAX_BODY_BYTES = 6 * 1024 * 1024
"""Above what the largest gist becomes as JSON, which may write a byte of it as six characters."""

MIN_TOKEN_KEY_CHARACTERS = 32
MIN_METRICS_TOKEN_CHARACTERS = 32
MIN_RESULT_TOKENS = 10_000
"""So that a page of 30 gists or comments fits, each of them cut to what identifies it."""


GitHubTokens = Literal["app", "any", "none"]
PublicGists = Literal["allow", "ask", "never"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["text", "json"]


class Config(BaseSettings):
    """The settings of one running application, complete and checked."""

    model_config = SettingsConfigDict(
        case_sensitive=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    production: bool = Field(validation_alias="GIST_MCP_PRODUCTION")
    """True under `rbt serve run` and on Reboot Cloud, false under `rbt dev run` and in tests."""

    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535, validation_alias="PORT")
    public_url: str = Field(default="", validation_alias="PUBLIC_URL")
    extra_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="EXTRA_HOSTS"
    )
    """Further hosts by which clients reach this server, under the scheme of `PUBLIC_URL`."""

    dev_public: bool = Field(default=False, validation_alias="DEV_PUBLIC")
    """That development may have a `PUBLIC_URL` that others can reach. Without effect in production,
    and while `PUBLIC_URL` is on this machine."""

    github_client_id: str = Field(default="", validation_alias="GITHUB_CLIENT_ID")
    github_client_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias="GITHUB_CLIENT_SECRET"
    )
    github_web_url: str = Field(default=PUBLIC_WEB_URL, validation_alias="GITHUB_WEB_URL")
    github_api_url: str = Field(default="", validation_alias="GITHUB_API_URL")
    """Unset: that of the GitHub at `github_web_url`."""

    github_scopes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("gist", "read:user"), validation_alias="GITHUB_SCOPES"
    )
    github_tokens: GitHubTokens = Field(default="app", validation_alias="GITHUB_TOKENS")
    token_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), validation_alias="TOKEN_KEYS"
    )
    retired_token_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), validation_alias="RETIRED_TOKEN_KEYS"
    )
    """Keys that left `TOKEN_KEYS` and still open the ids of clients that registered in their time,
    and nothing else."""

    this_machine_only: bool = Field(default=False, validation_alias="THIS_MACHINE_ONLY")
    """True: nobody but this machine's own proxy, or its own browsers, can connect."""

    token_revalidate_seconds: int = Field(
        default=60, ge=0, le=3600, validation_alias="TOKEN_REVALIDATE_SECONDS"
    )
    resume_wait_seconds: int = Field(
        default=600, ge=0, le=86_400, validation_alias="RESUME_WAIT_SECONDS"
    )
    session_idle_seconds: int = Field(
        default=1_800, ge=60, le=86_400, validation_alias="SESSION_IDLE_SECONDS"
    )
    """How long a session without requests stays in memory. Its next request brings it back."""

    retention_seconds: int = Field(
        default=7 * 24 * 3600, ge=60, le=366 * 24 * 3600, validation_alias="RETENTION_SECONDS"
    )
    """How long the arguments and the result of a call that has ended are kept."""

    audit_seconds: int = Field(
        default=90 * 24 * 3600, ge=0, le=10 * 366 * 24 * 3600, validation_alias="AUDIT_SECONDS"
    )
    """How long an entry of an account's audit log is kept. With 0 nothing is written."""

    max_calls_in_flight: int = Field(
        default=8, ge=1, le=100, validation_alias="MAX_CALLS_IN_FLIGHT"
    )
    """How many tool calls of one GitHub account run at the same time. More wait for a moment."""

    max_calls_per_minute: int = Field(
        default=120, ge=1, le=6_000, validation_alias="MAX_CALLS_PER_MINUTE"
    )
    """Tool calls that one GitHub account begins, and sessions that it opens."""

    max_bytes_per_minute: int = Field(
        default=32 * 1024 * 1024,
        ge=1024 * 1024,
        le=16 * 1024**3,
        validation_alias="MAX_BYTES_PER_MINUTE",
    )
    """Bytes of the tool calls that one GitHub account begins."""

    max_sessions_per_account: int = Field(
        default=50, ge=1, le=1_000, validation_alias="MAX_SESSIONS_PER_ACCOUNT"
    )
    """MCP sessions that one GitHub account has open. A new one ends the longest unused."""

    max_stored_bytes: int = Field(
        default=1024**3, ge=64 * 1024**2, le=1024**4, validation_alias="MAX_STORED_BYTES"
    )
    """Bytes of one GitHub account's calls that are kept at the same time."""

    max_result_tokens: int = Field(
        default=20_000, ge=MIN_RESULT_TOKENS, le=1_000_000, validation_alias="MAX_RESULT_TOKENS"
    )
    """How long the result of a tool that reads may be, by the estimate of `tools/answer_budget.py`.
    """

    github_rate_limits: bool = Field(default=True, validation_alias="GITHUB_RATE_LIMITS")
    """Whether the GitHub host limits rates: then its users are asked for within these limits."""

    public_gists: PublicGists = Field(default="allow", validation_alias="PUBLIC_GISTS")
    """Whether tools publish: public gists, changes and forks of such, comments. With `ask` the
    person is asked each time."""

    read_only: bool = Field(default=False, validation_alias="READ_ONLY")
    """True: tools that change something are neither listed nor called."""

    allowed_users: Annotated[AllowedUsers, NoDecode] = Field(
        default=AllowedUsers(), validation_alias="ALLOWED_USERS"
    )
    """The GitHub accounts that may use this server; everybody if none is named."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="ALLOWED_ORIGINS"
    )
    max_body_bytes: int = Field(
        default=DEFAULT_MAX_BODY_BYTES,
        ge=1024,
        le=16 * 1024 * 1024,
        validation_alias="MAX_BODY_BYTES",
    )
    """Largest request body. What becomes of it is limited apart, in `mcp_http/message_size.py`."""

    client_id_metadata_documents: bool = Field(
        default=False, validation_alias="CLIENT_ID_METADATA_DOCUMENTS"
    )
    """Whether a client id may be an https URL that we fetch. Unset: in production only, because
    a development machine may be offline, and clients that see it offered do not register."""

    trusted_proxies: int = Field(default=0, ge=0, le=10, validation_alias="TRUSTED_PROXIES")
    """How many proxies in front of this server append to `X-Forwarded-For`. The caller's address
    is then that many entries from the right. With 0 all callers count as one address, because
    Reboot's Envoy tells none and anybody could have written the header."""

    metrics_token: SecretStr = Field(default=SecretStr(""), validation_alias="METRICS_TOKEN")
    """What Prometheus shows as a bearer token to read `/metrics`. Unset: nobody can read it but, in
    development, programs of this machine."""

    log_level: LogLevel = Field(default="INFO", validation_alias="LOG_LEVEL")
    """From which level on log lines are printed. No level prints a token."""

    log_format: LogFormat = Field(default="text", validation_alias="LOG_FORMAT")
    """The form of log lines: for people, or a JSON object each."""

    state_folder: Path | None = Field(default=None, validation_alias="GIST_MCP_STATE_FOLDER")
    """Where Reboot keeps durable state; `None` where it is not on this machine. For the log."""

    local_gateway: bool = Field(default=True, validation_alias="GIST_MCP_LOCAL_GATEWAY")
    """True when Envoy listens on this machine without TLS. On Reboot Cloud it is elsewhere, and
    with a certificate of its own it answers to its public name only."""

    simulated: bool = Field(default=False, validation_alias="GIST_MCP_SIMULATED")
    """True when no OAuth App is configured, which only development allows: the embedded
    GitHub simulator answers instead of GitHub."""

    development_folder: Path = Field(
        default=Path(".rbt"), validation_alias="GIST_MCP_DEVELOPMENT_FOLDER"
    )
    """Where development keeps its key and the simulator's gists: beside the state, not in it."""

    simulator_port: int = Field(default=0, ge=0, le=65535, validation_alias="GITHUB_SIMULATOR_PORT")
    """Port of the embedded GitHub simulator; 0 is the port after `PORT`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values are passed in by `config_source`, so that tests need no process environment."""
        return (init_settings,)

    @field_validator("github_scopes", mode="before")
    @classmethod
    def _split_scopes(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator(
        "token_keys", "retired_token_keys", "allowed_origins", "extra_hosts", mode="before"
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("allowed_users", mode="before")
    @classmethod
    def _parse_users(cls, value: object) -> object:
        return AllowedUsers.parse(value) if isinstance(value, str) else value

    @field_validator("github_scopes")
    @classmethod
    def _some_scope(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one scope, for example `gist read:user`")
        return value

    @field_validator("token_keys", "retired_token_keys")
    @classmethod
    def _long_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < MIN_TOKEN_KEY_CHARACTERS for key in value):
            raise ValueError(
                f"each key needs at least {MIN_TOKEN_KEY_CHARACTERS} random characters, "
                "for example from `openssl rand -base64 32`"
            )
        return value

    @field_validator("metrics_token")
    @classmethod
    def _long_token(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        is_sent_as_it_is = all("!" <= character <= "~" for character in text)
        if text and not (len(text) >= MIN_METRICS_TOKEN_CHARACTERS and is_sent_as_it_is):
            raise ValueError(
                f"needs at least {MIN_METRICS_TOKEN_CHARACTERS} random characters of ASCII without "
                "blanks, for example from `openssl rand -hex 32`"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        return checked_origin(value) if value else value

    @field_validator("extra_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        scheme = urlsplit(info.data.get("public_url", "")).scheme or "http"
        return tuple(checked_host(host, scheme) for host in value)

    @field_validator("github_web_url", "github_api_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        return checked_base_url(value) if value else value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(checked_origin, value))

    @model_validator(mode="after")
    def _default_urls(self) -> Self:
        # A frozen model is filled in the way that pydantic itself does it.
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://localhost:{self.port}")
        if not self.github_api_url:
            object.__setattr__(self, "github_api_url", api_url_of(self.github_web_url))
        return self

    @property
    def own_origins(self) -> OwnOrigins:
        """Every origin under which this server is reached."""
        return OwnOrigins.of(self.public_url, self.extra_hosts)

    @property
    def resource(self) -> str:
        """This server as an OAuth protected resource (RFC 9728): exactly the URL clients use."""
        return f"{self.public_url}/mcp"

    @property
    def callback_url(self) -> str:
        """Where GitHub sends the browser back to; registered with the OAuth App."""
        return f"{self.public_url}/oauth/callback"

    @property
    def github_revoke_url(self) -> str:
        """Where a person takes back at GitHub what they granted this server's OAuth App."""
        return f"{self.github_web_url}/settings/connections/applications/{self.github_client_id}"

    @property
    def gateway_url(self) -> str:
        """Where this server reaches its own Envoy, to send a request to another process."""
        if self.local_gateway:
            return f"http://127.0.0.1:{self.port}"
        return self.public_url

    @property
    def is_on_this_machine(self) -> bool:
        """True when all our names are those by which only this machine reaches itself."""
        return all(urlsplit(origin).hostname in LOOPBACK_HOSTS for origin in self.own_origins.all)

    @property
    def is_for_this_machine_only(self) -> bool:
        """True when no other machine can connect: as somebody has said, or in development as long
        as `PUBLIC_URL` is none that others could use."""
        return self.this_machine_only or (not self.production and self.is_on_this_machine)

    @property
    def is_public_development(self) -> bool:
        """True when others may reach a server in development, where Reboot asks nobody for a
        credential: nothing of Reboot's own is served then."""
        return not self.production and not self.is_on_this_machine

    @property
    def is_secure(self) -> bool:
        """True when browsers reach us over https: cookies get `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

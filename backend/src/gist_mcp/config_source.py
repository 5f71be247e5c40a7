"""Reads the settings, once, at the start. A bad value stops the start.

Values come from environment variables and, where Reboot has secrets for the application (Reboot
Cloud), from those. Nothing else reads the environment.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from reboot.aio.secrets import SecretNotFoundException, Secrets

from gist_mcp.allowed_users import AllowedUsers
from gist_mcp.config import Config, LogFormat, LogLevel
from gist_mcp.errors import ConfigError
from gist_mcp.github_address import wrong_api_url, wrong_web_url
from gist_mcp.origin import LOOPBACK_HOSTS
from gist_mcp.production import SIMULATOR_CLIENT_ID, check_production

SECRET_SETTINGS = (
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
    "TOKEN_KEYS",
    "RETIRED_TOKEN_KEYS",
    "METRICS_TOKEN",
)


def is_production(environ: Mapping[str, str]) -> bool:
    """True when Reboot runs us for other people: `rbt serve run` or Reboot Cloud."""
    serves = environ.get("RBT_SERVE", "false").lower() == "true"
    return serves or "REBOOT_CLOUD_VERSION" in environ


def is_public_development(environ: Mapping[str, str]) -> bool:
    """As the property of `Config`, for code that runs in Reboot's server processes without one."""
    public_url = environ.get("PUBLIC_URL", "")
    if is_production(environ):
        return False
    if environ.get("EXTRA_HOSTS", ""):
        return True
    if not public_url:
        return False
    try:
        return urlsplit(public_url).hostname not in LOOPBACK_HOSTS
    except ValueError:
        # `load_config` refuses it.
        return True


def log_level(environ: Mapping[str, str]) -> str:
    """`LOG_LEVEL` for what is logged before the settings are read. `INFO` for a value that is none,
    which `load_config` refuses."""
    level = environ.get("LOG_LEVEL", "")
    return level if level in get_args(LogLevel) else "INFO"


def log_format(environ: Mapping[str, str]) -> str:
    """`LOG_FORMAT`, likewise. `text` for a value that is none."""
    form = environ.get("LOG_FORMAT", "")
    return form if form in get_args(LogFormat) else "text"


def _has_local_gateway(environ: Mapping[str, str]) -> bool:
    own_certificate = environ.get("REBOOT_LOCAL_ENVOY_USE_TLS", "false").lower() == "true"
    return "REBOOT_CLOUD_VERSION" not in environ and not own_certificate


def parse_config(environ: Mapping[str, str], *, production: bool) -> Config:
    """The settings in `environ`. Raises `ConfigError` naming the first bad variable."""
    values = {name: value for name, value in environ.items() if value}
    values.pop("GIST_MCP_SIMULATED", None)
    values["GIST_MCP_DEVELOPMENT_FOLDER"] = str(_development_folder(environ))
    values["GIST_MCP_PRODUCTION"] = str(production)
    values.pop("GIST_MCP_STATE_FOLDER", None)
    if "RBT_STATE_DIRECTORY" in values:
        values["GIST_MCP_STATE_FOLDER"] = values["RBT_STATE_DIRECTORY"]
    values.setdefault("CLIENT_ID_METADATA_DOCUMENTS", str(production))
    values["GIST_MCP_LOCAL_GATEWAY"] = str(_has_local_gateway(environ))
    try:
        config = Config(**values)  # type: ignore[arg-type]
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        variable = str(first["loc"][0]) if first["loc"] else "environment"
        raise ConfigError(variable, first["msg"].removeprefix("Value error, ")) from None
    _check_together(config)
    return config


def _check_together(config: Config) -> None:
    """Rules that span settings. Raises `ConfigError`."""
    if set(config.token_keys) & set(config.retired_token_keys):
        text = "has a key that is in TOKEN_KEYS too, where it still opens everything"
        raise ConfigError("RETIRED_TOKEN_KEYS", text)
    _check_github(config)
    if config.production:
        check_production(config)
    else:
        _check_development(config)


def _check_github(config: Config) -> None:
    """Both addresses are of one GitHub. Raises `ConfigError`."""
    page = "; docs/github-enterprise.md has both for each GitHub"
    wrong = wrong_web_url(config.github_web_url)
    if wrong is not None:
        raise ConfigError("GITHUB_WEB_URL", wrong + page)
    wrong = wrong_api_url(config.github_web_url, config.github_api_url)
    if wrong is not None:
        raise ConfigError("GITHUB_API_URL", wrong + page)


def _check_development(config: Config) -> None:
    """Development stays on this machine unless somebody says otherwise. Raises `ConfigError`."""
    has_id = bool(config.github_client_id)
    if has_id != bool(config.github_client_secret.get_secret_value()):
        missing = "GITHUB_CLIENT_SECRET" if has_id else "GITHUB_CLIENT_ID"
        raise ConfigError(missing, "is not set, but its counterpart is; set both or neither")
    if config.is_public_development and not config.dev_public:
        text = (
            "others can reach this address, and development is for one's own machine; leave it "
            "unset, or set DEV_PUBLIC=1 if that is meant"
        )
        raise ConfigError("EXTRA_HOSTS" if config.extra_hosts else "PUBLIC_URL", text)


async def load_config(environ: Mapping[str, str]) -> Config:
    """The settings of this process: its environment, Reboot's secrets and, in development,
    a key file beside the state and the embedded simulator's address.

    Raises `ConfigError`.
    """
    values = dict(environ)
    values.setdefault("PORT", values.get("REBOOT_LOCAL_ENVOY_PORT", ""))
    for name in SECRET_SETTINGS:
        if not values.get(name):
            values[name] = await _reboot_secret(name)
    production = is_production(environ)
    config = parse_config(values, production=production)
    _check_port(config, environ)
    if not production and not values.get("TOKEN_KEYS"):
        # Not before: a start that is refused leaves nothing behind.
        values["TOKEN_KEYS"] = _development_key(_development_folder(environ))
        config = parse_config(values, production=production)
    return config if config.github_client_id else _with_simulator(config, values)


async def _reboot_secret(name: str) -> str:
    try:
        return (await Secrets().get(name)).decode().strip()
    except SecretNotFoundException:
        return ""
    except UnicodeDecodeError:
        raise ConfigError(name, "the secret is not text") from None


def _check_port(config: Config, environ: Mapping[str, str]) -> None:
    """`PORT` must be the port that Reboot was told to serve, or links would lead nowhere."""
    served = environ.get("REBOOT_LOCAL_ENVOY_PORT")
    if served and int(served) != config.port:
        raise ConfigError(
            "PORT",
            f"is {config.port}, but `rbt` serves port {served}; start it with "
            f"`--port={config.port}`, or leave PORT out",
        )


def _with_simulator(config: Config, values: Mapping[str, str]) -> Config:
    port = config.simulator_port or config.port + 1
    url = f"http://localhost:{port}"
    return config.model_copy(
        update={
            "simulated": True,
            "simulator_port": port,
            "github_client_id": SIMULATOR_CLIENT_ID,
            "github_client_secret": SecretStr(secrets.token_urlsafe(32)),
            "github_web_url": values.get("GITHUB_WEB_URL") or url,
            "github_api_url": values.get("GITHUB_API_URL") or url,
        }
    )


def _development_key(folder: Path) -> str:
    """The key of this checkout, made at the first start, readable by its owner only."""
    path = folder / "token_keys"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    return path.read_text().strip()


def _development_folder(environ: Mapping[str, str]) -> Path:
    """`.rbt` for the state in `.rbt/dev/github-gist-mcp`."""
    state_directory = Path(environ.get("RBT_STATE_DIRECTORY", ".rbt/dev/github-gist-mcp"))
    return state_directory.parent.parent


def told_settings(config: Config) -> dict[str, str]:
    """The settings that people set, by their variables, as the log may tell them.

    Of a secret only whether it is set, of several how many there are. Of `ALLOWED_USERS` too: it
    may have a thousand entries.
    """
    fields = Config.model_fields.items()
    told = ((str(field.validation_alias), getattr(config, name)) for name, field in fields)
    return {alias: _told(value) for alias, value in told if not alias.startswith("GIST_MCP_")}


def _told(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return "set" if value.get_secret_value() else ""
        case AllowedUsers():
            return str(len(value.logins) + len(value.user_ids))
        case tuple() if any(isinstance(each, SecretStr) for each in value):
            return f"{len(value)} set"
        case tuple():
            return " ".join(map(str, value))
        case bool():
            return str(value).lower()
        case _:
            return str(value)

"""Proxies as Debian has them, in front of a deployment: nginx with its defaults, and with the
configurations of `deploy/` nginx and Caddy.

Unless told otherwise nginx speaks HTTP/1.0 to the server behind, names that server's address as the
`Host`, and collects answers in buffers (https://nginx.org/en/docs/http/ngx_http_proxy_module.html).
"""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.certificates import make_certificate
from tests.support.deployment import REPOSITORY
from tests.support.ports import free_port
from tests.support.waiting import wait_until

START_SECONDS = 20.0

NGINX = REPOSITORY / "deploy" / "nginx" / "github-gist-mcp.conf"
CADDY = REPOSITORY / "deploy" / "caddy" / "Caddyfile"

# What of Debian's own file concerns requests, and paths that need no rights.
MAIN = """
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    gzip on;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
NOTHING_SET = """server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://{upstream};
    }}
}}"""


def program(name: str, package: str) -> str:
    """Where it is. Skips the test on a machine without; in CI, which installs it, that fails."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=path)
    if found is not None:
        return found
    why = f"{name} is not installed (apt-get install {package})"
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)


def nginx_program() -> str:
    """nginx, as `program`."""
    return program("nginx", "nginx-light")


@contextmanager
def nginx(folder: Path, *, port: int, upstream: str) -> Iterator[None]:
    """A running nginx to which nothing is said but where to send requests."""
    servers = NOTHING_SET.format(port=port, upstream=upstream)
    with _nginx(folder, servers, f"http://127.0.0.1:{port}"):
        yield


@contextmanager
def our_nginx(folder: Path, *, port: int, upstream: str) -> Iterator[Path]:
    """A running nginx with the configuration of `deploy/`. Gives the certificate to trust."""
    folder.mkdir(parents=True)
    certificate = folder / "certificate.pem"
    make_certificate(certificate, "localhost")
    servers = NGINX.read_text(encoding="utf-8")
    for example, here in (
        ("127.0.0.1:9991", upstream),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("/etc/ssl/certs/gists.example.com.pem", str(certificate)),
        ("/etc/ssl/private/gists.example.com.key", str(certificate)),
        ("gists.example.com", "localhost"),
    ):
        assert example in servers
        servers = servers.replace(example, here)
    with _nginx(folder, servers, f"https://localhost:{port}", certificate):
        yield certificate


@contextmanager
def our_caddy(folder: Path, *, port: int, upstream: str) -> Iterator[Path]:
    """A running Caddy with the configuration of `deploy/`. Gives the certificate to trust."""
    folder.mkdir(parents=True)
    caddy = program("caddy", "caddy")
    certificate = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    environment = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "SITE_ADDRESS": f"https://localhost:{port}",
        "UPSTREAM": upstream,
        "HTTP_PORT": str(free_port()),
    }
    command = [caddy, "run", "--config", str(CADDY), "--adapter", "caddyfile"]
    with _running(command, f"https://localhost:{port}", certificate, folder, environment):
        yield certificate


@contextmanager
def _nginx(
    folder: Path, servers: str, address: str, certificate: Path | None = None
) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    # Started by root, its workers would be somebody who may not write here.
    user = "user root;" if os.geteuid() == 0 else ""
    text = MAIN.format(user=user, folder=folder, servers=servers)
    configuration.write_text(text, encoding="utf-8")
    command = [nginx_program(), "-p", str(folder), "-c", str(configuration), "-g", "daemon off;"]
    with _running(command, address, certificate, folder):
        yield


@contextmanager
def _running(
    command: list[str],
    address: str,
    certificate: Path | None,
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Iterator[None]:
    """The program, from when it answers at the address."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)

        def answers() -> bool:
            assert process.poll() is None, (folder / "output").read_text()
            if certificate is not None and not certificate.exists():
                return False
            try:
                httpx.get(address, verify=_trusting(certificate), trust_env=False)
            except httpx.ConnectError:
                return False
            return True

        try:
            wait_until("the proxy to listen", answers, seconds=START_SECONDS)
            yield
        finally:
            process.terminate()
            process.wait()


def _trusting(certificate: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if certificate is not None:
        context.load_verify_locations(certificate)
    return context

"""nginx as Debian has it, in front of a deployment, with nothing set but where to send requests.

Unless told otherwise it speaks HTTP/1.0 to the server behind, names that server's address as the
`Host`, and collects answers in buffers (https://nginx.org/en/docs/http/ngx_http_proxy_module.html).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import wait_until

START_SECONDS = 10.0

# What of Debian's own file concerns requests, and paths that need no rights.
CONFIGURATION = """
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
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {upstream};
        }}
    }}
}}
"""


def nginx_program() -> str:
    """Where it is. Skips the test on a machine without; in CI, which installs it, that fails."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    program = shutil.which("nginx", path=path)
    if program is not None:
        return program
    why = "nginx is not installed (apt-get install nginx-light)"
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def nginx(folder: Path, *, port: int, upstream: str) -> Iterator[str]:
    """A running nginx; gives its address."""
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream=upstream), encoding="utf-8"
    )
    process = subprocess.Popen(
        [nginx_program(), "-p", str(folder), "-c", str(configuration), "-g", "daemon off;"],
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            httpx.get(address, trust_env=False)
        except httpx.ConnectError:
            return False
        return True

    try:
        wait_until("nginx to listen", answers, seconds=START_SECONDS)
        yield address
    finally:
        process.terminate()
        process.wait()

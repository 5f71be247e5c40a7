"""The web site of a client that runs in a browser: an origin of its own on this machine."""

import http.server
import threading
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, override
from urllib.parse import urlsplit

PAGES = Path(__file__).parent / "pages"


class PageServer:
    """Serves `pages/`: `/NAME/...` is the page of the client `NAME.mjs`, and `/npm/` holds
    packages where a folder of them is given."""

    def __init__(self) -> None:
        self.packages: Path | None = None
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Handler, self, directory=str(PAGES))
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def origin(self) -> str:
        """What a browser sends as `Origin`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, pages: PageServer, *args: object, directory: str) -> None:
        self._pages = pages
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    @override
    def translate_path(self, path: str) -> str:
        path = urlsplit(path).path
        if path.startswith("/npm/") and self._pages.packages is not None:
            return str(self._pages.packages / path.removeprefix("/npm/"))
        if (PAGES / path.removeprefix("/")).is_file():
            return super().translate_path(path)
        return str(PAGES / "client.html")

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Not of interest."""

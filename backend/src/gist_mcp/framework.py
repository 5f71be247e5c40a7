"""The web framework around our front door serves nothing by itself.

Reboot makes a FastAPI application and mounts ours into it. FastAPI brings `/docs`, `/redoc` and
`/openapi.json`, before our routes and without our headers, with scripts from elsewhere; they are
switched off by arguments that Reboot 0.40.1 does not pass on.
"""

import functools

import reboot.aio.http
from fastapi import FastAPI


def serve_nothing_else() -> None:
    """From now on this process makes such applications without pages of their own."""
    reboot.aio.http.FastAPI = functools.partial(  # type: ignore[attr-defined,assignment]
        FastAPI, docs_url=None, redoc_url=None, openapi_url=None
    )

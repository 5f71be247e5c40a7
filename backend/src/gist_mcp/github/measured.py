"""Measures requests to GitHub: how they ended, how long they took, what is left of the budgets."""

import time
from collections.abc import Awaitable

import httpx
from opentelemetry.trace import SpanKind

from gist_mcp.github.answer import Answer
from gist_mcp.github.operation import operation
from gist_mcp.telemetry import metrics, tracing


async def measured(request: httpx.Request, answering: Awaitable[Answer]) -> Answer:
    """What `answering` gives. Raises what it raises."""
    name = operation(request.method, request.url.path)
    begun_at_seconds = time.monotonic()
    answer: Answer | None = None
    attributes: dict[str, str | int | bool] = {
        "http.request.method": request.method,
        "server.address": request.url.host,
        # Not `url.full`: who knows the id of a secret gist can read it.
        "url.template": name.partition(" ")[2] or name,
    }
    with tracing.span(name, SpanKind.CLIENT, attributes) as span:
        try:
            answer = await answering
        finally:
            metrics.github_asked(
                operation=name,
                status=None if answer is None else answer.status,
                seconds=time.monotonic() - begun_at_seconds,
            )
        span.set_attribute("http.response.status_code", answer.status)
        if answer.status >= 400:
            tracing.failed(span, str(answer.status))
    _note_budget(answer)
    return answer


def _note_budget(answer: Answer) -> None:
    """GitHub tells it with each answer (GitHub Docs, rate limits for the REST API)."""
    headers = answer.headers
    metrics.budget_told(
        budget=headers.get("x-ratelimit-resource", ""),
        remaining=headers.get("x-ratelimit-remaining", ""),
        limit=headers.get("x-ratelimit-limit", ""),
    )

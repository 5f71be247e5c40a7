"""What Prometheus and a collector of traces get from a deployment of two server processes.

The tests run in their order: the last ones kill the server, and stop it.
"""

import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gist_mcp.telemetry.shared_folder import PREFIX
from tests.support.mcp_client import McpClient
from tests.support.trace_receiver import ReceivedSpan, TraceReceiver, trace_receiver
from tests.support.waiting import wait_until
from tests.support.world import World, world

METRICS_TOKEN = "m" * 40
SECRET_TEXT = "what-nobody-but-the-owner-reads"
CLIENT_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT_SPAN = "00f067aa0ba902b7"
TRACEPARENT = f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01"
MESSAGE_TRACE = "11111111111111111111111111111111"
MESSAGE_SPAN = "2222222222222222"

SERVER, CLIENT = 2, 3
"""Kinds of spans (OpenTelemetry protocol, `Span.SpanKind`)."""

SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Operated:
    """A deployment, who collects its traces, and where its counts are."""

    world: World
    traces: TraceReceiver
    temporary: Path
    clients: list[McpClient]

    def scrape(self) -> dict[tuple[str, ...], float]:
        """The samples by their name and the values of their labels, in the labels' order."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        text = httpx.get(f"{self.world.server.url}/metrics", headers=headers).raise_for_status()
        return {
            (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
            for family in text_string_to_metric_families(text.text)
            for sample in family.samples
        }

    def wait_for(self, *sample: str, value: float) -> None:
        """Returns when the sample has that value."""
        wait_until(
            f"{sample} to be {value}", lambda: self.scrape().get(sample) == value, seconds=SECONDS
        )


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """Two people, each with a session; one call that works and one that is refused."""
    temporary = Path(tempfile.mkdtemp(dir=tmp_path_factory.mktemp("temporary")))
    with trace_receiver() as traces:
        settings = {
            "METRICS_TOKEN": METRICS_TOKEN,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "TMPDIR": str(temporary),
        }
        folder = tmp_path_factory.mktemp("operated")
        with world(folder, settings, effect_validation="disabled") as here:
            clients = [opened(here, account) for account in ("octocat", "hubot")]
            made = clients[0].call(
                "create_gist", filename="a.txt", description=SECRET_TEXT, content=SECRET_TEXT
            )
            assert not made.wait().is_error
            refused = clients[1].call_with_meta(
                "get_gist",
                {"traceparent": f"00-{MESSAGE_TRACE}-{MESSAGE_SPAN}-01"},
                gist_id="f" * 20,
            )
            assert refused.wait().is_error
            yield Operated(world=here, traces=traces, temporary=temporary, clients=clients)


def opened(here: World, account: str) -> McpClient:
    """A session of that person, whose client names its span with each request."""
    token = here.sign_in(account).access_token
    headers = {"traceparent": TRACEPARENT, "tracestate": f"vendor={SECRET_TEXT}"}
    return McpClient(here.server.mcp_url, token, more_headers=headers).open()


def test_a_scrape_is_told_the_sums_over_all_processes(operated: Operated) -> None:
    operated.wait_for("gist_mcp_sessions_open", value=2)

    told = operated.scrape()
    assert told["gist_mcp_tool_calls_total", "done", "create_gist"] == 1
    assert told["gist_mcp_tool_calls_total", "refused", "get_gist"] == 1
    assert told["gist_mcp_http_requests_total", "GET", "/oauth/callback", "200"] == 2
    assert told["gist_mcp_github_requests_total", "POST /gists", "201"] == 1
    assert told["gist_mcp_github_budget_remaining_ratio_count", "core"] >= 2
    assert told["gist_mcp_state_size_bytes",] > 0


def test_a_request_that_is_forwarded_between_processes_counts_once(operated: Operated) -> None:
    before = operated.scrape()["gist_mcp_http_requests_total", "POST", "/mcp", "200"]

    for client in operated.clients:
        assert client.touch().status_code == 200

    sample = ("gist_mcp_http_requests_total", "POST", "/mcp", "200")
    operated.wait_for(*sample, value=before + 2)


def test_nothing_of_a_caller_becomes_a_label(operated: Operated) -> None:
    strange = f"{operated.world.server.url}/{SECRET_TEXT}"

    httpx.get(strange)

    operated.wait_for("gist_mcp_http_requests_total", "GET", "other", "404", value=1)
    assert not [labels for labels in operated.scrape() if SECRET_TEXT in str(labels)]


def test_who_has_no_token_is_told_by_no_proxy_that_there_are_metrics(operated: Operated) -> None:
    url = f"{operated.world.server.url}/metrics"

    assert httpx.get(url, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 404


def span_of_call(operated: Operated, tool: str) -> ReceivedSpan:
    (span,) = operated.traces.named(f"tools/call {tool}")
    return span


def test_a_tool_call_is_below_its_request_in_the_trace_of_the_client(operated: Operated) -> None:
    call = span_of_call(operated, "create_gist")
    request = parent_of(operated, call)

    assert call.kind == SERVER
    assert call.attributes["mcp.method.name"] == "tools/call"
    assert call.attributes["gen_ai.tool.name"] == "create_gist"
    assert call.attributes["gen_ai.operation.name"] == "execute_tool"
    assert call.attributes["gist_mcp.outcome"] == "done"
    assert not call.is_error
    assert (request.name, request.kind) == ("POST /mcp", SERVER)
    assert request.attributes["http.response.status_code"] == 200
    assert outermost(operated, call).parent_id == CLIENT_SPAN
    assert {call.trace_id, request.trace_id} == {CLIENT_TRACE}


def parent_of(operated: Operated, span: ReceivedSpan) -> ReceivedSpan:
    """The span above, as soon as it has come."""

    def found() -> list[ReceivedSpan]:
        return [each for each in list(operated.traces.spans) if each.span_id == span.parent_id]

    wait_until(f"the parent of {span.name}", lambda: bool(found()), seconds=SECONDS)
    return found()[0]


def outermost(operated: Operated, span: ReceivedSpan) -> ReceivedSpan:
    """The first span of ours: a request passes through two processes if it is forwarded."""
    while span.parent_id != CLIENT_SPAN:
        span = parent_of(operated, span)
    return span


def test_a_request_to_github_is_below_its_call_and_names_no_gist(operated: Operated) -> None:
    (asked,) = operated.traces.named("POST /gists")
    (looked,) = operated.traces.named("GET /gists/{gist_id}")

    assert asked.kind == CLIENT
    assert asked.parent_id == span_of_call(operated, "create_gist").span_id
    assert asked.attributes["http.response.status_code"] == 201
    assert looked.attributes["url.template"] == "/gists/{gist_id}"
    assert (looked.is_error, looked.attributes["error.type"]) == (True, "404")


def test_a_context_in_the_message_is_the_parent_and_the_request_is_linked(
    operated: Operated,
) -> None:
    call = span_of_call(operated, "get_gist")

    assert (call.trace_id, call.parent_id) == (MESSAGE_TRACE, MESSAGE_SPAN)
    assert call.linked_trace_ids == (CLIENT_TRACE,)
    assert (call.is_error, call.attributes["error.type"]) == (True, "tool_error")
    assert call.attributes["gist_mcp.outcome"] == "refused"


def test_a_message_that_is_answered_at_once_has_a_span_of_its_method(operated: Operated) -> None:
    spans = operated.traces.named("initialize")

    assert {span.attributes["mcp.method.name"] for span in spans} == {"initialize"}
    assert {parent_of(operated, span).name for span in spans} == {"POST /mcp"}


def test_no_trace_holds_a_token_a_session_or_what_a_person_wrote(operated: Operated) -> None:
    client = operated.clients[0]
    (gist,) = operated.world.github.gists("octocat")
    span_of_call(operated, "create_gist")

    for secret in (
        SECRET_TEXT,
        client.headers["Authorization"].removeprefix("Bearer "),
        client.session_id,
        gist.gist_id,
        "octocat",
        operated.world.github.client_secret,
    ):
        assert secret.encode() not in operated.traces.raw


def test_a_call_that_a_restart_interrupts_is_resumed_and_looks_for_its_gist(
    operated: Operated,
) -> None:
    fault = operated.world.github.add_fault("hang_after", method="POST", path="/gists")
    call = operated.clients[0].call("create_gist", filename="b.txt", description="", content="b")
    fault.wait_until_held()
    call.wait_for_event()

    operated.world.server.restart()
    call.resume()

    assert not call.wait().is_error
    told = operated.scrape()
    assert told["gist_mcp_tool_calls_resumed_total",] == 1
    assert told["gist_mcp_lost_answer_looks_total", "found"] == 1
    assert told["gist_mcp_tool_calls_total", "done", "create_gist"] == 1


def test_the_counts_are_in_one_temporary_folder_and_in_no_state(operated: Operated) -> None:
    (folder,) = operated.temporary.glob(f"{PREFIX}*")

    assert folder.stat().st_mode & 0o077 == 0
    assert [path for path in folder.iterdir() if re.match(r"counter_\d+\.db", path.name)]
    assert not list(operated.world.server.state_folder.rglob("counter_*.db"))


def test_the_folder_goes_when_the_server_is_stopped(operated: Operated) -> None:
    rbt = operated.world.server.processes()[-1]

    rbt.send_signal(signal.SIGINT)

    wait_until(
        "the folder to go",
        lambda: not list(operated.temporary.glob(f"{PREFIX}*")),
        seconds=SECONDS,
    )

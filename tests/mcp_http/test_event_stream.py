"""How events are written: the first says how long to wait before coming back."""

import json

from gist_mcp.mcp_http.event_stream import event, one_event


def test_the_first_event_carries_the_hint_and_no_other() -> None:
    assert event("1/a", "{}", is_first=True) == (
        b"retry: 15000\r\nid: 1/a\r\nevent: message\r\ndata: {}\r\n\r\n"
    )
    assert event("1/a", "{}") == b"id: 1/a\r\nevent: message\r\ndata: {}\r\n\r\n"


def test_a_priming_event_has_an_id_and_no_data() -> None:
    assert event("1/0", "", is_first=True) == b"retry: 15000\r\nid: 1/0\r\ndata: \r\n\r\n"


def test_text_from_outside_cannot_end_an_event() -> None:
    message = {"jsonrpc": "2.0", "id": "a\r\n\r\ndata: {}\u2028\x85", "result": {}}

    answer = one_event(message, {})

    retry, kind, data, *nothing = bytes(answer.body).decode().splitlines()
    assert (retry, kind) == ("retry: 15000", "event: message")
    assert json.loads(data.removeprefix("data: ")) == message
    assert nothing == [""]

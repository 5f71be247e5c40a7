"""The data of events, however the stream comes in parts."""

import pytest

from benchmarks.event_stream import EventStream

STREAM = (
    b": ping\n\nevent: message\r\nid: 1\r\ndata: {}\r\n\r\n"
    b"data:a\ndata: b\n\nid: 2\ndata: \n\ndata: cut off\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, len(STREAM)])
def test_the_data_of_each_event_is_found_in_parts_of_any_size(size: int) -> None:
    stream = EventStream()

    found = [
        data
        for start in range(0, len(STREAM), size)
        for data in stream.feed(STREAM[start : start + size])
    ]

    assert found == [b"{}", b"a\nb", b""]

"""The data of the events of a stream (`text/event-stream`, HTML Living Standard 9.2)."""


class EventStream:
    """Takes a stream in parts of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> list[bytes]:
        """The data of the events that end in `part`. Comments and events without data give none."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        found = []
        for line in (each.removesuffix(b"\r") for each in lines):
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data = []
        return found

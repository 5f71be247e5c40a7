"""A refusal of the control API."""


class ControlError(Exception):
    """The message says what is wrong; 404 for what does not exist, 504 for a wait in vain."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

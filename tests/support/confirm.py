"""The confirm token in the error of a call whose client cannot ask its person."""

import re


def confirm_token(text: str) -> str:
    """The token. Fails if the error has none."""
    found = re.search(r"with confirm: (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]

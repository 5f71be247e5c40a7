"""The page on the tools is what the tools say of themselves."""

from scripts.document_tools import PAGE, document


def test_the_tools_page_is_up_to_date() -> None:
    assert PAGE.read_text() == document(), "run: .venv/bin/python scripts/document_tools.py"

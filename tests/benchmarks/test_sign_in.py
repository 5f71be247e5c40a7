"""The form of a consent page, as two servers write theirs."""

import pytest

from benchmarks.sign_in import read_form


@pytest.mark.parametrize(
    ("html", "action", "fields"),
    [
        (
            '<form method="post" action="/oauth/consent"><input type="hidden" name="request" '
            'value="sealed&amp;"><button name="decision" value="approve">Yes</button>'
            '<button name="decision" value="deny">No</button></form>',
            "/oauth/consent",
            {"request": "sealed&", "decision": "approve"},
        ),
        (
            '<form method="POST" action=""><input type="hidden" name="txn_id" value="1" />'
            '<input type="text" name="other"><button name="action" value="approve">Yes</button>',
            "",
            {"txn_id": "1", "action": "approve"},
        ),
    ],
)
def test_a_form_is_answered_with_its_hidden_fields_and_its_first_button(
    html: str, action: str, fields: dict[str, str]
) -> None:
    form = read_form(html)

    assert (form.action, form.fields) == (action, fields)

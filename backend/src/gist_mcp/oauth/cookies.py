"""The `Cookie` header, read so that no name turns into another.

A sub-domain beside ours may set a cookie for the parent domain that browsers send to us too; all
that keeps it from posing as ours is that browsers refuse it the prefix `__Host-` (RFC 6265bis,
4.1.3.2). They compare bytes. Starlette's `request.cookies` decodes Latin-1 and strips whatever
Unicode calls white space, so that a cookie which a browser knows as `\\xa0__Host-x` arrives as
`__Host-x`: with both cookies of an attacker's own sign-in planted like that, somebody's callback
would deliver the code for their account to the attacker's client.
"""

from starlette.requests import Request

_WHITE_SPACE = b" \t"
"""What browsers take off around names and values, and nothing else (RFC 6265bis, 5.7)."""


def cookies_of(request: Request) -> list[tuple[str, str]]:
    """Names and values as the browser has them, in its order; a name may come twice.

    A name that is not ASCII is none of ours and left out. Quotes and escapes of values stay. HTTP/2
    lets a client send the header in several pieces (RFC 9113, 8.2.3).
    """
    header = b";".join(value for name, value in request.headers.raw if name == b"cookie")
    pairs = (each.partition(b"=") for each in header.split(b";"))
    return [
        (name.strip(_WHITE_SPACE).decode(), value.strip(_WHITE_SPACE).decode("latin-1"))
        for name, equals, value in pairs
        if equals and name.isascii()
    ]

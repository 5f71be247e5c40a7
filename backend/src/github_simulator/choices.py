"""Behaviour that no source establishes: choices of this simulator, not facts about GitHub.

A client must not depend on any of these. Where a choice could hide a client's mistake, the
harsher of the plausible behaviours is taken. Everything else in this package follows GitHub's
documentation, its OpenAPI description or recorded answers.

Choices that need no constant:

- The authorize page always appears when the request names scopes, also when the account granted
  them before, so that a test can always pick the account. Without `scope`, a browser that is
  signed in and has granted something before passes straight through, as documented.
- `response_type` is taken and ignored.
- A wrong client secret at the token endpoint does not spend the code; everything after that
  check does, a wrong `code_verifier` or `redirect_uri` included.
- A `code_verifier` without a challenge is ignored.
- Reusing a refresh token does not revoke its successors.
- `GET /gists` with a token that lacks the `gist` scope lists public gists only.
- `GET /gists` is sorted by creation, newest first.
- `since` means strictly after, in whole seconds.
- A `per_page` or `page` that is not a positive number counts as absent.
- The names in `scope` and `X-OAuth-Scopes` are sorted; documentation shows more than one order.
- A file of white space alone is refused like an empty one, also in an update, and a comment of
  white space alone like one without text. White space is Unicode's, as in Rails' `blank?`.
- Only its author changes or deletes a comment; others get 403.
- Forking the same gist twice is refused like forking one's own.
- Renaming a file onto another file of the gist is refused (`already_exists`).
- In an update, null for an unknown file is ignored when something else changes.
- Bad logins are counted for the simulator as a whole: its callers share one address.
- Enterprise Server and GHE.com send no `iss`; raw files of gists are below their pages.
"""

BE_CAREFUL_STATUS = 400
"""Status of the "Be careful!" page for a `redirect_uri` that does not match."""

UNKNOWN_CLIENT_STATUS = 404
"""Status of the same page for an unknown `client_id`."""

INVALID_PKCE_ERROR = "invalid_request"
"""`error` in the redirect when the PKCE parameters are incomplete or not S256."""

BAD_VERIFIER_ERROR = "incorrect_code_verifier"
"""Error of the token endpoint for a wrong or missing `code_verifier`."""

BAD_VERIFIER_DESCRIPTION = "The code_verifier passed is incorrect."

ISS_ON_ERROR_REDIRECTS = True
"""`iss` goes with error redirects too, as RFC 9207 requires."""

LOCALHOST_TAKES_ANY_PORT = True
"""The documented any-port rule for 127.0.0.1 and ::1 covers the name `localhost` as well."""

DROP_UNKNOWN_SCOPES = True
"""Scope names that GitHub does not know are dropped from a request."""

WRONG_APP_SECRET_STATUS = 401
"""Answer of `/applications/CLIENT_ID/...` to a wrong client secret."""

DELETE_UNKNOWN_TOKEN_STATUS = 404
"""Answer of `DELETE /applications/CLIENT_ID/token` for a token that is not the app's."""

PRIVATE_PROFILE_SCOPE = "user"
"""The scope that `GET /user` wants before it shows private fields; `read:user` is not enough."""

EMPTY_FILE_NAME_PREFIX = "gistfile"
"""An empty file name becomes `gistfile1.txt`. Reserved names are accepted when given."""

FORBIDDEN_IN_FILE_NAMES = ("/", "\0")
"""A file name with one of these is refused with 422 `invalid`: a gist has no folders."""

MAX_REQUEST_BODY_BYTES = 100_000_000
"""Beyond this the answer is 413. GitHub's own limit is not documented."""

TRUNCATED_ABOVE_BYTES = 1_000_000
"""Documented as 1 MB; whether that is 10^6 or 2^20 is not."""

RAW_READABLE_BYTES = 10_000_000
"""Documented as 10 MB, likewise."""

RAW_TOO_LARGE_STATUS = 403
"""Answer of `raw_url` beyond that size."""

PRIMARY_LIMIT_STATUS = 403
"""Documented as 403 or 429."""

ACCEPTED_SCOPES_FOR_GIST_WRITES = ("gist",)
"""`X-Accepted-OAuth-Scopes` of gist writes; it is empty for reads."""

SERVER_VERSION = "3.21.0"
"""Which Enterprise Server is simulated: the newest of which the documentation says that PKCE
parameters are not supported."""

SERVER_API_VERSIONS = ("2022-11-28",)
"""The versions of its API."""

STRANGER_STATUS = 401
STRANGER_MESSAGE = "Must authenticate to access this API."
"""Answer of an API that answers nobody without a credential."""

NO_GISTS_STATUS = 403
NO_GISTS_MESSAGE = "Managed users cannot create gists or comment on gists."
"""Answer to a change where users cannot have gists; GitHub documents the rule and no answer."""

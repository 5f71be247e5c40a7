"""Lifetimes and sizes that are not settings, each with its unit and its reason."""

SIGN_IN_LIFETIME_SECONDS = 600
"""From `/oauth/authorize` to GitHub's answer. GitHub's own code lives as long."""

SIGN_IN_REMEMBERED_SECONDS = 24 * 60 * 60
"""How long a browser's cookies and durable state tell a sign-in that took too long from one that
began elsewhere: a person comes back to a page that was left open, after lunch or a night. It
lengthens no sign-in."""

GITHUB_CALL_TIMEOUT_SECONDS = 20.0
"""GitHub ends an API request itself after 10 seconds; the rest is the network."""

GITHUB_CONNECT_TIMEOUT_SECONDS = 5.0
"""A host that does not accept a connection by then is down."""

MAX_GITHUB_ANSWER_BYTES = 64 * 1024 * 1024
"""An answer beyond this is refused while reading: a page of 100 gists stays far below."""

MAX_FILE_NAME_BYTES = 255
"""The longest file name, in UTF-8, that git checks out on common file systems."""

MAX_PRESENT_NAME_CHARACTERS = 4_096
"""A name that a file of a gist has already. Git lets it be longer than one that we would give."""

MAX_DESCRIPTION_CHARACTERS = 10_000
"""Generous for a one-line field; keeps a listing readable."""

MAX_GIST_CONTENT_BYTES = 900_000
"""Content of one call. GitHub shows files up to 1 MB whole, and a request to us ends at 1 MiB."""

PROCESS_KEY_BYTES = 32
"""Length of each key derived from `TOKEN_KEYS` (AES-256, HMAC-SHA256)."""

MAX_FILES = 300
"""GitHub lists at most 300 files of a gist; more could not be compared afterwards."""

MAX_IDEMPOTENCY_KEY_CHARACTERS = 200
"""Room for a UUID, a URL or a sentence."""

CLOCK_SKEW_SECONDS = 120
"""By how much GitHub's clock and ours may differ when we look for a gist by its time."""

LEDGER_RETENTION_SECONDS = 25 * 3600
"""How long a gist change and its idempotency key are remembered after the intent, however it
ended; 24 hours promised. Nothing is looked for or sent under an intent that is older."""

CLAIM_RETENTION_SECONDS = LEDGER_RETENTION_SECONDS + 3600
"""Longer than any change looks back, by more than clocks may differ and a claim may take: a gist
whose claim were forgotten earlier could be taken for the result of a second change. How old the
change is, is looked at right before each claim, whatever the call has waited for before."""

SILENT_RUNNER_SECONDS = 3600
"""How long a runner of an older release, which wrote no lease, may be taken to be alive."""

DONE_CALL_RETENTION_SECONDS = 3600
"""How long a change of a call without a key is remembered at least when it is done. Its response is
stored long before; the record leaves only where its bucket has no room for another change."""

LEDGER_BUCKETS_PER_USER = 256
"""States over which one user's ledger is spread, because each write rewrites one whole."""

LEDGER_BUCKET_RECORDS = 100
"""Most changes in one bucket. GitHub allows 12,000 new gists a day (500 an hour): 49 in each of
256 buckets in 25 hours, and by chance no more than 80 in any."""

MAX_SENDS = 3
"""How often one call sends the same change, each time after looking that it is not there."""

LOOK_DELAYS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0)
"""Pauses before each look for a gist whose creation was not answered. GitHub ends a request
after 10 seconds, so after 27 seconds what is going to happen has happened, listings included."""

LOOK_PAGES = 10
"""Pages of 100 gists that one look reads at most: those changed since the intent."""

UNREACHABLE_DELAYS_SECONDS = (0.5, 2.0, 5.0)
"""Pauses before trying again to reach a GitHub that did not take the connection."""

SHORT_LIMIT_SECONDS = 30
"""A limit of GitHub's that ends by then is waited for within the call."""

MAX_LIMIT_WAITS = 3
"""How often one request waits for GitHub's limit."""

CANCELLED_POLL_SECONDS = 1.0
"""Pause between two looks at whether a call that waits for GitHub's limit was cancelled."""

LOOK_PATIENCE_SECONDS = 300.0
"""How long a call goes on trying to look while GitHub does not answer."""

REBOOT_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pauses before a tool runs again after a call within the application failed: a server that
stops or moves a state is done with it in seconds, one that is broken is given two minutes."""

QUESTION_SECONDS = 600
"""How long a question to the person waits for its answer. Who has gone away finds the call ended
and nothing changed."""

CONFIRM_LIFETIME_SECONDS = 600
"""How long a confirm token is good: as long as a question waits for its answer."""

LEASE_WORK_SECONDS = int(
    QUESTION_SECONDS
    + LOOK_PATIENCE_SECONDS
    + sum(LOOK_DELAYS_SECONDS)
    + len(LOOK_DELAYS_SECONDS) * LOOK_PAGES * GITHUB_CALL_TIMEOUT_SECONDS
    + GITHUB_CALL_TIMEOUT_SECONDS
)
"""How long a call may work on a change, from when it took it in the ledger until it sends, sends
again, or ends: one question to the person, all looks, each with as many slow pages as it may read,
and one send. The wait for its owner, `RESUME_WAIT_SECONDS`, comes on top."""

KEY_POLL_SECONDS = 0.5
"""Pause between two looks at whether the first call with an idempotency key has ended."""

CLIENT_PREFIXES = ("/oauth", "")
"""Where the endpoints of OAuth clients are. The metadata names those under `/oauth`. A client that
has lost the metadata calls `/authorize`, `/token` and `/register` at the root (MCP 2025-03-26)."""

CLIENT_ENDPOINT_NAMES = ("authorize", "register", "revoke", "token")

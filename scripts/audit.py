"""Looks for known vulnerabilities in the locked packages: `make audit`.

pip-audit asks an advisory service about each package of `requirements/app.lock`. What it reports
has to stand in `requirements/audit-exceptions.toml`, with the reason why it cannot reach us; an
entry there has to be reported. A package that the service said nothing about was not audited, and
does not pass for one that was.

Ends with 0 if there is nothing to do, 1 for a finding, an exception that no longer applies or a
package without an answer, 2 where no service could be asked at all. `--allow-unreachable` makes 0
of that 2, and says loudly that nothing was audited.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements" / "app.lock"
EXCEPTIONS = REPOSITORY / "requirements" / "audit-exceptions.toml"
ALLOW_UNREACHABLE: Final = "--allow-unreachable"
AUDIT_SECONDS: Final = 300.0

sys.path[:0] = [str(REPOSITORY)]

from scripts.audit_tools import tool  # noqa: E402


class Unreachable(Exception):
    """No advisory service answered for any package."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A known vulnerability of a locked package. `ids` are all the names that it has."""

    package: str
    version: str
    ids: frozenset[str]
    fixed_in: tuple[str, ...] = ()

    def __str__(self) -> str:
        fixed = f", fixed in {', '.join(self.fixed_in)}" if self.fixed_in else ""
        return f"{self.package} {self.version}: {', '.join(sorted(self.ids))}{fixed}"


@dataclass(frozen=True, kw_only=True)
class AuditException:
    """Vulnerabilities of a package that somebody has read. `reason`: why they cannot reach us."""

    package: str
    ids: frozenset[str]
    reason: str
    reviewed: date

    def __str__(self) -> str:
        return f"{self.package} {', '.join(sorted(self.ids))}"


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What came of an audit. `unanswered` are packages of which the service knew nothing."""

    findings: tuple[Finding, ...]
    unanswered: tuple[str, ...]
    audited: int


def read_exceptions(text: str) -> list[AuditException]:
    """The reviewed exceptions. Raises `KeyError` and `tomllib.TOMLDecodeError`."""
    return [
        AuditException(
            package=entry["package"],
            ids=frozenset(entry["ids"]),
            reason=entry["reason"],
            reviewed=entry["reviewed"],
        )
        for entry in tomllib.loads(text)["exception"]
    ]


def read_report(report: str) -> Audit:
    """What pip-audit's JSON says. Raises `Unreachable` if that is nothing about any package."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise Unreachable from None
    answered = [each for each in packages if "skip_reason" not in each]
    if not answered:
        raise Unreachable
    findings = [
        Finding(
            package=each["name"],
            version=each["version"],
            ids=frozenset({found["id"], *found["aliases"]}),
            fixed_in=tuple(found["fix_versions"]),
        )
        for each in answered
        for found in each["vulns"]
    ]
    unanswered = tuple(each["name"] for each in packages if "skip_reason" in each)
    return Audit(findings=tuple(findings), unanswered=unanswered, audited=len(answered))


def problems(audit: Audit, exceptions: Sequence[AuditException]) -> list[str]:
    """What somebody has to do, a line for each."""
    excepted = {(each.package, name) for each in exceptions for name in each.ids}
    reported = {(each.package, name) for each in audit.findings for name in each.ids}
    new = [
        f"known vulnerability, raise the package or review it: {each}"
        for each in audit.findings
        if not any((each.package, name) in excepted for name in each.ids)
    ]
    # An entry is one reason for several. While one of them is reported, the reason is needed.
    stale = [
        f"exception that no longer applies, take it out: {each}"
        for each in exceptions
        if not any((each.package, name) in reported for name in each.ids)
    ]
    unknown = [
        f"not audited, the service has no answer for it: {name}" for name in audit.unanswered
    ]
    return [*new, *stale, *unknown]


def ask(pip_audit: Path, lock: Path) -> Audit:
    """What pip-audit finds. Raises `Unreachable`."""
    # The lock is complete and has no extras to resolve, so nothing has to be installed.
    command = [str(pip_audit), "--requirement", str(lock), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=AUDIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unreachable from None
    return read_report(done.stdout)


def main(arguments: Sequence[str], pip_audit: Path | None = None) -> int:
    """Audits, prints what came of it, and returns the exit code."""
    exceptions = read_exceptions(EXCEPTIONS.read_text())
    try:
        audit = ask(pip_audit or tool("pip-audit"), LOCK)
    except Unreachable:
        print(NOTHING_WAS_AUDITED, file=sys.stderr)
        return 0 if ALLOW_UNREACHABLE in arguments else 2
    found = problems(audit, exceptions)
    for line in found:
        print(line, file=sys.stderr)
    reviewed = len({name for each in exceptions for name in each.ids})
    print(f"{audit.audited} packages audited, {reviewed} reviewed exceptions, {len(found)} to do")
    return 1 if found else 0


_RULE: Final = "!" * 78
NOTHING_WAS_AUDITED: Final = f"""{_RULE}
NOTHING WAS AUDITED: no advisory service could be reached from here.
Known vulnerabilities of the locked packages, if there are any, were NOT looked for.
Run `make audit` where the network reaches one; the workflow on GitHub does.
{_RULE}"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

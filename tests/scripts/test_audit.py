"""The audit of known vulnerabilities: what passes, what does not, and what was not audited."""

import json
import os
import re
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts import audit
from scripts.audit import (
    ALLOW_UNREACHABLE,
    Audit,
    AuditException,
    Finding,
    Unreachable,
    problems,
    read_exceptions,
    read_report,
)
from scripts.locked_packages import LOCK, locked_packages

SOURCES = audit.REPOSITORY / "backend" / "src"
API = audit.REPOSITORY / "api"
REVIEWED = date(2026, 11, 28)
H2 = Finding(package="h2", version="4.3.0", ids=frozenset({"PYSEC-2026-1", "CVE-2026-1"}))
H2_REVIEWED = AuditException(
    package="h2", ids=frozenset({"CVE-2026-1"}), reason="never imported", reviewed=REVIEWED
)


def package(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulnerabilities)}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "Dependency not found on PyPI and could not be audited"}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def found(*findings: Finding, unanswered: tuple[str, ...] = ()) -> Audit:
    return Audit(findings=findings, unanswered=unanswered, audited=1)


def test_a_report_names_what_is_vulnerable_by_all_its_names() -> None:
    vulnerability = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"]}

    read = read_report(report(package("h2", vulnerability), package("idna"), skipped("six")))

    (finding,) = read.findings
    assert str(finding) == "h2 1.0: CVE-2026-1, PYSEC-2026-1, fixed in 2.0"
    assert (read.unanswered, read.audited) == (("six",), 2)


@pytest.mark.parametrize(
    "text",
    ["", "Traceback", "[]", "{}", report(), report(skipped("six"), skipped("idna"))],
)
def test_a_report_about_no_package_is_no_audit(text: str) -> None:
    with pytest.raises(Unreachable):
        read_report(text)


def test_what_was_reviewed_under_any_of_its_names_passes() -> None:
    assert problems(found(H2), [H2_REVIEWED]) == []


def test_a_vulnerability_that_nobody_has_reviewed_is_a_problem() -> None:
    (problem,) = problems(found(H2), [])

    assert "h2 4.3.0: CVE-2026-1, PYSEC-2026-1" in problem


def test_a_review_is_of_one_package() -> None:
    other = AuditException(
        package="hpack", ids=H2_REVIEWED.ids, reason="never imported", reviewed=REVIEWED
    )

    assert len(problems(found(H2), [other])) == 2


def test_an_exception_of_which_nothing_is_reported_any_more_is_a_problem() -> None:
    (problem,) = problems(found(), [H2_REVIEWED])

    assert problem == "exception that no longer applies, take it out: h2 CVE-2026-1"


def test_a_package_without_an_answer_is_a_problem() -> None:
    (problem,) = problems(found(unanswered=("six",)), [])

    assert problem.endswith("no answer for it: six")


def stand_in(folder: Path, text: str, status: int = 0) -> Path:
    """A program in place of pip-audit that prints this."""
    (folder / "report").write_text(text)
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat '{folder}/report'\nexit {status}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.integration
@pytest.mark.parametrize(("arguments", "code"), [([], 2), ([ALLOW_UNREACHABLE], 0)])
def test_where_no_service_answers_it_says_so_and_passes_only_if_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    # What pip-audit prints then, with a status of 0.
    program = stand_in(tmp_path, report(skipped("six")))

    assert audit.main(arguments, program) == code

    printed = capsys.readouterr()
    assert "NOTHING WAS AUDITED" in printed.err
    assert "packages audited" not in printed.out


@pytest.mark.integration
def test_a_finding_is_told_and_fails_also_where_a_service_need_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vulnerability = {"id": "CVE-2099-1", "aliases": [], "fix_versions": []}
    program = stand_in(tmp_path, report(package("idna", vulnerability)), status=1)

    assert audit.main([ALLOW_UNREACHABLE], program) == 1

    assert "idna 1.0: CVE-2099-1" in capsys.readouterr().err


REVIEWED_EXCEPTIONS = read_exceptions(audit.EXCEPTIONS.read_text())


@pytest.mark.parametrize(
    "exception", REVIEWED_EXCEPTIONS, ids=lambda each: f"{each.package} {min(each.ids)}"
)
def test_a_reviewed_exception_says_of_a_locked_package_why(exception: AuditException) -> None:
    locked = {each.name for each in locked_packages(LOCK.read_text())}

    assert exception.package in locked
    assert exception.ids
    assert all(re.fullmatch(r"(CVE|PYSEC)-\d{4}-\d+|GHSA(-\w{4}){3}", i) for i in exception.ids)
    assert len(exception.reason.split()) > 5
    assert exception.reviewed >= REVIEWED


def test_no_vulnerability_is_reviewed_twice() -> None:
    names = [(each.package, name) for each in REVIEWED_EXCEPTIONS for name in each.ids]

    assert len(names) == len(set(names))


@pytest.mark.integration
def test_what_is_said_to_be_never_imported_is_not() -> None:
    source = "import sys, gist_mcp.app, gist_mcp.simulator; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCES), str(API)))},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert "gist_mcp.app" in loaded
    assert not loaded & {"h2", "jwt"}

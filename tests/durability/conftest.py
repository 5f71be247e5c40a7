"""Prints the fault matrix as a table at the end of a run."""

from _pytest.terminal import TerminalReporter

MATRIX_TEST = "test_each_call_makes_its_one_change"
OUTCOMES = ("passed", "failed", "error")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """One row for each cell, one column for each setup that was played."""
    table: dict[str, dict[str, str]] = {}
    setups: dict[str, None] = {}
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, []):
            if MATRIX_TEST not in report.nodeid:
                continue
            noted = {name: str(value) for name, value in report.user_properties}
            if "cell" not in noted:
                continue
            shown = noted.get("shown") or outcome.upper()
            table.setdefault(noted["cell"], {})[noted["setup"]] = shown
            setups.setdefault(noted["setup"])
    if table:
        _write(terminalreporter, table, list(setups))


def _write(terminal: TerminalReporter, table: dict[str, dict[str, str]], setups: list[str]) -> None:
    terminal.section("fault matrix")
    first = max(len(cell) for cell in table)
    for setup_number, setup in enumerate(setups, start=1):
        terminal.write_line(f"  {setup_number}: {setup}")
    for cell, outcomes in table.items():
        columns = [outcomes.get(setup, "-") for setup in setups]
        row = " | ".join(f"{column:<35}" for column in columns)
        terminal.write_line(f"{cell:<{first}} | {row}")

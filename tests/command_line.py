"""The command line, called within the test's own process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from rigatino.cli import cli


def rigatino(*words: object) -> Result:
    """rigatino("fill", path, ...) -> exit code, stdout, stderr; what it does not catch is raised."""
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)

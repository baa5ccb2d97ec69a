"""`--no-skips`: a run in which something was not really run is a failed run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.longer

ROOT = Path(__file__).parent.parent
SUITE = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="later")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--no-skips", "-n", "1"], pytest.ExitCode.TESTS_FAILED),
        (["--no-skips", "-k", "runs"], pytest.ExitCode.OK),
    ],
)
def test_what_was_not_run_is_named_and_fails_the_run(tmp_path: Path, arguments: list[str], code: int) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", str(tmp_path), *arguments, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.returncode == code, finished.stdout
    named = finished.stdout.partition("not run, and --no-skips was given")[2]
    assert [name in named for name in ("test_runs", "test_skipped", "test_expected_to_fail")] == (
        [False, True, True] if code else [False] * 3
    )

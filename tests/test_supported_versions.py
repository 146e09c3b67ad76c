"""The record of the lowest and newest supported versions has the current bounds, and all tests passed."""

import re
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.study  # not part of the inner loop, which the script itself runs

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs" / "supported_versions.txt"


@pytest.fixture(scope="module")
def record():
    return RECORD.read_text("utf-8")


def test_recorded_bounds_are_current(record):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = [each for extra in project["optional-dependencies"].values() for each in extra]
    bounds = [f"python{project['requires-python']}", *project["dependencies"], *optional]
    assert f"Bounds: {', '.join(bounds)}\n" in record, "bounds have changed: run scripts/supported_versions.py"


def test_both_environments_passed(record):
    assert re.findall(r"^(\w+): Python ([\d.]+)", record, re.MULTILINE) == [("lowest", "3.12"), ("newest", "3.13")]
    tests = re.findall(r"^  tests: (.*); exit code (\d+)", record, re.MULTILINE)
    assert [code for _, code in tests] == ["0", "0"] and not re.search("failed|error|NOT RUN|FAILED", record)

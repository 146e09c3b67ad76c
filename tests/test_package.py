"""What is distributed: the contents of wheel and source distribution, metadata, the file for citations."""

import re
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The texts of a wheel's files by name, without those of Python."""
    from hatchling.builders.wheel import WheelBuilder

    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(path) as file:
        return {name: "" if name.endswith((".py", ".pyi")) else file.read(name).decode() for name in file.namelist()}


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    package = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "trialwise").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    information = {name for name in wheel if name.startswith("trialwise-")}
    assert set(wheel) - information == package
    assert {name.partition("/")[2] for name in information} == {
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip
    assert {"trialwise/py.typed", "trialwise/__init__.pyi", "trialwise/reports/templates/style.css"} <= package


def test_the_metadata_describe_the_package(wheel):
    metadata = message_from_string(next(text for name, text in wheel.items() if name.endswith("/METADATA")))
    assert metadata["Author"] and metadata["License-Expression"] == "BSD-3-Clause" and metadata["Keywords"]
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    description = metadata.get_payload()
    assert description.startswith("# trialwise")
    for target in re.findall(r"\]\(([^)]+)\)", description):
        assert target.startswith("https://"), f"{target}: a package index has no such file"


def test_the_source_distribution_can_be_tested_and_documented(tmp_path):
    from hatchling.builders.sdist import SdistBuilder

    (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = {
        "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "docs/conf.py", "docs/static/site.css",
        "tests/conftest.py", "src/trialwise/py.typed", "examples/published_attempts.py",
    }  # fmt: skip
    assert wanted <= names
    assert not [
        name for name in names if name.startswith(("build/", "dist/", ".venv/", "results")) or "__pycache__" in name
    ]


def test_the_file_for_citations_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # required by its schema
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert str(citation["version"]) == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert [each["name"].lower() for each in citation["authors"]] == [each["name"] for each in PROJECT["authors"]]

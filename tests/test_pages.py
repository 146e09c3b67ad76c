"""The code and commands of the README and the site's pages work as printed."""

import ast
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import typer

import trialwise as tw
from trialwise.cli.app import app
from trialwise.learners import BUILT_IN

pytestmark = pytest.mark.sample

ROOT = Path(__file__).parent.parent
PAGES = {page.name: page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
README = PAGES["README.md"]


def blocks(page, language="python"):
    """The code blocks of a page, without cells of the tutorial, which are executed when the site is built."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.S | re.M)


def is_file(block):
    """Whether a block is a file of the reader's: its first line names the file."""
    return re.match(r"# (\w+\.py)\n", block)


def is_quoted(block):
    """Whether a block is an excerpt of a built-in learner."""
    return "def hide(self" in block and "@learner" not in block


README_LEARNER = next(block for block in blocks("README.md") if is_file(block))
WITH_CODE = [page for page in PAGES if [b for b in blocks(page) if not is_file(b)]]


def python(code, folder, **environment):
    """The output of code run in a new process."""
    import os

    process = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


SHORT = {"draws": 60, "tune": 60, "chains": 2, "progress": False}
STUDY = {"datasets": 1, "participants": 3, "workers": 1, "progress": False}
SHORT_RUNS = {
    "fit": SHORT,
    "check": {"datasets": 10, "progress": False},
    "compare": {"draws": 100, "progress": False},
    "report": {"datasets": 10, "progress": False},
    "recover": SHORT | STUDY,
    "confuse": STUDY,
}
"""Arguments of verbs that are added where a page does not state them, because the defaults take longer."""


@pytest.fixture
def reader_folder(tmp_path, monkeypatch, small):
    """A reader's folder: ``data.csv``, one row per trial, and ``alien``, four wide tables; verbs have short defaults."""
    for name, defaults in SHORT_RUNS.items():
        monkeypatch.setattr(tw, name, with_defaults(getattr(tw, name), defaults))
    small.save(tmp_path / "alien", wide=True)
    (tmp_path / "alien" / "trials.csv").rename(tmp_path / "data.csv")
    downloaded = {"contexts": "seasons", "cues": "aliens", "choices": "actions", "outcomes": "rewards"}
    for name, other in downloaded.items():
        (tmp_path / "alien" / f"{name}.csv").rename(tmp_path / "alien" / f"{other}.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("mine", "bandit"):
        sys.modules.pop(name, None)
    plt.close("all")


def with_defaults(verb, defaults):
    return lambda *args, **kwargs: verb(*args, **{**defaults, **kwargs})


@pytest.mark.parametrize("page", WITH_CODE)
def test_code_runs_as_printed(page, reader_folder, capsys):
    """All blocks of a page in order, after the reader's files have been written."""
    code = []
    for block in blocks(page):
        if match := is_file(block):
            (reader_folder / match[1]).write_text(block)
        elif not is_quoted(block):
            code.append(block)
    (reader_folder / "page.py").write_text("\n".join(code))
    runpy.run_path(str(reader_folder / "page.py"))
    printed = without_lines(capsys.readouterr().out)
    assert page != "data.md" or printed.count("2 problems with the data") == 1
    for text in blocks(page, "text") if page == "own_learner.md" else ():
        assert without_lines(text) in printed


def without_lines(text):
    """A text in which numbers of source lines do not count, since a reader's file differs from the page."""
    return re.sub(r"\bline \d+", "line", text)


def test_excerpts_of_a_learner_are_in_its_source():
    source = {line.strip() for line in tw.learners.TaskSets().source.splitlines()}
    excerpts = [block for page in PAGES for block in blocks(page) if is_quoted(block)]
    assert excerpts
    for line in "\n".join(excerpts).splitlines():
        assert not line.strip() or line.strip() in source, line


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_commands_are_valid(page):
    """Every ``trialwise`` command of a page has an existing verb and existing options; nothing is downloaded."""
    verbs = typer.main.get_command(app)
    lines = "\n".join(blocks(page, "console")).splitlines()
    commands = [words[words.index("trialwise") + 1 :] for words in map(split, lines) if "trialwise" in words]
    assert commands or page == "benchmarks.md"
    for verb, *rest in commands:
        verbs.commands[verb].make_context(verb, rest, resilient_parsing=False)


def split(line):
    return shlex.split(line, comments=True)


def test_the_tutorial_answers_every_question():
    page = PAGES["tutorial.md"]
    story, table = page.split("## The twelve questions")
    assert len(re.findall(r"code-cell", story)) > 10
    for n in range(1, 13):
        assert f"\n| {n} |" in table
        assert n == 9 or re.search(rf"\bQuestion {n}\b", story), f"question {n} is listed but not answered"


def test_cells_of_the_tutorial_display_their_figures():
    cells = re.findall(r"^```\{code-cell\} python\n(.*?)^```", PAGES["tutorial.md"], re.S | re.M)
    plotting = [cell for cell in cells if ".plot" in cell]
    assert len(plotting) >= 2
    for cell in plotting:  # a figure is displayed if it is the last value, which a semicolon would drop
        assert re.fullmatch(r"\w+\.plot\w*\(.*\)", cell.rstrip().splitlines()[-1]), cell


def test_the_readme_quotes_what_was_measured():
    """The numbers beside the picture, which the same script drew."""
    measured = (ROOT / "docs" / "recovery.txt").read_text(encoding="utf-8")
    rows = {row[0]: [float(cell) for cell in row[1:]] for row in map(str.split, measured.splitlines()[-3:])}
    story = " ".join(README.split())
    for name, words in {"alpha": "`alpha` is recovered in its order (r = ", "beta": "`beta` is not (r = "}.items():
        assert f"{words}{rows[name][0]:.2f}".replace("0.", ".") in story
    assert f"which they contain for {rows['beta'][3]:.0%} of the agents".replace("%", " %") in story
    assert f"takes {computing_time(measured)} seconds of computing time" in story
    human = (ROOT / "docs" / "published_attempts.txt").read_text(encoding="utf-8")
    assert f"[human participants](docs/published_attempts.txt): {computing_time(human)})" in story


def computing_time(measured):
    return re.search(r"(\d+) s of computing time", measured)[1]


def test_the_learner_of_the_readme_is_short_and_passes_all_checks(tmp_path):
    lines = [line for line in README_LEARNER.splitlines() if line.strip()]
    assert len(lines) <= 25
    (tmp_path / "mine.py").write_text(README_LEARNER)
    code = "import trialwise as tw, mine; print(tw.check_learner(mine.TwoRates, quiet=True).passed)"
    assert python(code, tmp_path) == "True"


def test_targets_of_links_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    assert not re.findall(r"\]\(([^)#:]+)\)", PAGES["description.md"])  # the description of the package on its own


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_examples_of_learners_run(name):
    """The example on each learner's page."""
    sys.path.insert(0, str(ROOT / "docs"))
    from from_the_code import example

    *statements, expression = ast.parse(example(BUILT_IN[name]())).body
    namespace = {}
    exec(compile(ast.Module(statements, []), name, "exec"), namespace)
    table = eval(compile(ast.Expression(expression.value), name, "eval"), namespace)
    assert len(table) == namespace["simulation"].trials.n_trials and {*namespace["learner"].signals} <= {*table}


def test_a_change_in_the_file_changes_the_likelihood_of_a_new_process(tmp_path):
    """Compiled code on disk is not reused for a changed learner."""
    text = README_LEARNER.replace("# mine.py", "# mine.py\nSCALE = 1.0\n\ndef scaled(x):\n    return x * SCALE\n")
    text = text.replace("+= rate * error", "+= scaled(rate * error)")
    code = (
        "import trialwise as tw, mine; from trialwise import load_data\n"
        "trials = load_data('alien_flat').trials.select([0, 1])\n"
        "print(tw.log_likelihood(mine.TwoRates(), trials, {'alpha_up': .1, 'alpha_down': .2, 'beta': 1.0}).sum())"
    )
    results = []
    for version in (text, text, text.replace("SCALE = 1.0", "SCALE = 0.5"), text.replace("* SCALE", "/ 2")):
        (tmp_path / "mine.py").write_text(version)
        results.append(python(code, tmp_path, TRIALWISE_CACHE=str(tmp_path / "cache"), PYTHONDONTWRITEBYTECODE="1"))
    assert results[0] == results[1] != results[2] and results[3] not in results[:2]
    assert any((tmp_path / "cache").iterdir())

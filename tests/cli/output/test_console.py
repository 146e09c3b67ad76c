"""Screens of 80 and 120 columns: names are whole, no line is longer than the screen, nothing is left out."""

import re

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

import trialwise as tw
from trialwise.cli.app import app
from trialwise.cli.output import console
from trialwise.learners import BUILT_IN

LONG = '''"""A learner with long names."""
import numpy as np
from trialwise import learner, positive, unit

@learner
class LearnerOfGroupsWithLongNames:
    """Values of actions, learnt at rates that depend on the group that an option belongs to and on the sign of the error."""
    alpha_high_group_positive: float = unit("learning rate of the group with high outcomes after positive prediction errors")
    alpha_high_group_negative: float = unit("learning rate of the group with high outcomes after negative prediction errors")
    beta_high_group: float = positive("inverse temperature of the group with high outcomes")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for a in range(len(preference)):
            preference[a] = self.beta_high_group * q[a]

    def learn(self, q, trial, action, outcome):
        error = outcome - q[action]
        q[action] += (self.alpha_high_group_positive if error > 0 else self.alpha_high_group_negative) * error
'''

NAMES = ("alpha_high_group_positive", "alpha_high_group_negative", "beta_high_group")
WIDTHS = (80, 120)


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    from trialwise.cli.options.subject import learners_in

    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(LONG)
    return path, learners_in(path)["LearnerOfGroupsWithLongNames"]()


@pytest.fixture(scope="module")
def folder(learner, tmp_path_factory):
    """Two fits of the learner, its data and true parameters."""
    _, mine = learner
    folder = tmp_path_factory.mktemp("results_of_the_learner_with_long_names")
    truth = dict(zip(NAMES, (0.5, 0.2, 3.0), strict=True))
    simulation = tw.simulate(mine, tw.environments.RestlessBandit(trials=30), truth, participants=3, seed=1)
    simulation.save(folder)
    fit = tw.fit(mine, simulation.trials, draws=100, tune=100, chains=2, seed=1, progress=False)
    fit.save(folder / "fit.nc")
    fixed = mine.fix(alpha_high_group_negative=0.1)
    tw.fit(fixed, simulation.trials, draws=100, tune=100, chains=2, seed=1, progress=False).save(folder / "fixed.nc")
    return folder


@pytest.fixture(autouse=True)
def new_console(monkeypatch):
    """Progress bars are printed to rich's shared console, which keeps the width it had at first."""
    monkeypatch.setattr("rich._console", None)


def screen(width, *words, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 5), result.output
    return result.output


def assert_fits(text, width):
    """No line is longer than the screen, but for a word, such as a path, that is itself, or a command; no name is cut."""
    for line in text.split("\n"):
        if cell_len(line) > width:
            words = line.split()
            assert line.lstrip().startswith(("trialwise ", "uv run ")) or len(words) == 1, line
    for part in re.findall(r"\w+", text):
        for name in NAMES:
            stem = name.rsplit("_", 1)[0] + "_"
            cut = part.startswith(stem[:11]) and not any(part.startswith(each) for each in NAMES)
            assert not cut, f"{part} in\n{text}"


SCREENS = {
    "models": lambda path, folder: ["models", "--file", path],
    "one model": lambda path, folder: ["models", f"{path}:LearnerOfGroupsWithLongNames"],
    "inspect": lambda path, folder: ["inspect", folder / "trials.csv"],
    "check of a learner": lambda path, folder: ["check", f"{path}:LearnerOfGroupsWithLongNames"],
    "check of a fit": lambda path, folder: ["check", folder / "fit.nc", "--learner", path, "--datasets", 4, "-o", folder / "check"],
    "diagnose": lambda path, folder: ["diagnose", folder / "fit.nc", "--learner", path, "-o", folder / "diagnosis"],
    "compare": lambda path, folder: [
        "compare", f"the_fit_with_both_learning_rates={folder / 'fit.nc'}", f"the_fit_with_one_learning_rate={folder / 'fixed.nc'}",
        "--learner", path, "-o", folder / "comparison",
    ],
    "report": lambda path, folder: ["report", folder / "fit.nc", "--learner", path, "-o", folder / "report.html"],
    "fit": lambda path, folder: [
        "fit", f"{path}:LearnerOfGroupsWithLongNames", folder / "trials.csv", "--draws", 50, "--tune", 100, "--chains", 2, "--seed", 1, "-o", folder / "again",
    ],
    "simulate": lambda path, folder: [
        "simulate", f"{path}:LearnerOfGroupsWithLongNames", "--environment", "RestlessBandit", "--participants", 2, "--trials", 10, "-o", folder / "simulated",
    ],
    "recover": lambda path, folder: [
        "recover", f"{path}:LearnerOfGroupsWithLongNames", "--environment", "RestlessBandit", "--participants", 3, "--trials", 20, "--datasets", 2,
        "--draws", 50, "--tune", 50, "--chains", 2, "--workers", 1, "-o", folder / "recovery", "-q",
    ],
}  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_screens(name, width, learner, folder, monkeypatch):
    text = screen(width, *SCREENS[name](learner[0], folder), monkeypatch=monkeypatch)
    assert_fits(text, width)
    if name in ("one model", "diagnose", "fit", "simulate", "recover"):
        assert all(re.search(rf"^ *{each}", text, re.MULTILINE) for each in NAMES)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_pages_of_learners(name, width, monkeypatch):
    assert_fits(screen(width, "models", name, monkeypatch=monkeypatch), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_learners(width, monkeypatch):
    text = screen(width, "models", monkeypatch=monkeypatch)
    assert_fits(text, width)
    assert all(re.search(rf"^{name} +\w+ +\w+", text, re.MULTILINE) for name in BUILT_IN)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "verb", ["", "fit", "simulate", "recover", "check", "compare", "report", "models", "data", "inspect"]
)
def test_help(verb, width, monkeypatch):
    assert_fits(screen(width, *([verb] if verb else []), "--help", monkeypatch=monkeypatch), width)


def printed(width, monkeypatch, capsys, *arguments, **more):
    monkeypatch.setenv("COLUMNS", str(width))
    console.table(*arguments, **more)
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_many_columns_of_numbers(width, monkeypatch, capsys):
    header = ["", *(f"column_{n}" for n in range(14))]
    rows = [[f"alpha_high_group_{n}[participant {n}]", *(f"{n * k}.25" for k in range(14))] for n in range(3)]
    text = printed(width, monkeypatch, capsys, header, rows)
    assert all(cell_len(line) <= width or line.strip() == rows[0][0] for line in text.split("\n")) or width == 40
    found = text.split()
    assert all(cell in found for row in rows for cell in row[1:]) and all(name in found for name in header[1:])
    assert all(line.count("alpha_high_group") <= 1 for line in text.split("\n"))


def test_a_narrow_table_is_aligned(monkeypatch, capsys):
    text = printed(
        80, monkeypatch, capsys, ["name", "value", "text"], [["a", "1.5", "one"], ["beta", "-10", "two words"]]
    )
    assert text == "  name  value  text\n  a       1.5  one\n  beta    -10  two words\n"


def test_a_description_beside_a_long_path_goes_below(monkeypatch, capsys):
    path = "a/very/long/folder/with/a/name/that/leaves/no/room/model_summary.csv"
    text = printed(80, monkeypatch, capsys, ["", ""], [[path, "a description of some length"], ["b", ""]])
    assert text == f"  {path}\n      a description of some length\n  b\n"


def test_texts_are_wrapped_at_spaces(monkeypatch, capsys):
    text = printed(50, monkeypatch, capsys, ["name", "what"], [["alpha", "word " * 20], ["", "two\nlines"]])
    assert all(len(line) <= 50 for line in text.split("\n")) and text.split().count("word") == 20
    assert text.endswith("         two\n         lines\n")


def test_wide_characters_and_an_empty_table(monkeypatch, capsys):
    text = printed(80, monkeypatch, capsys, ["名前", "n"], [["学習率", "1"], ["a", "2"]])
    assert len({cell_len(line) for line in text.splitlines()}) == 1
    assert printed(80, monkeypatch, capsys, ["a", "b"], []) == "  a  b\n"


def test_lines_are_wrapped_at_spaces_and_not_within_names(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    console.say("  " + "alpha_high_group " * 5 + "x" * 60)
    lines = capsys.readouterr().out.split("\n")
    assert (
        lines[:3] == ["  alpha_high_group alpha_high_group"] * 2 + ["  alpha_high_group"]
        and lines[3] == "  " + "x" * 60
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_progress_bars_keep_names_whole(width, monkeypatch, capsys):
    from trialwise.base.progress import bars

    monkeypatch.setenv("COLUMNS", str(width))
    names = ["short", "the_fit_with_[both]_learning_rates_of_high_groups", "[red]marked"]
    with bars(True) as advance:
        for name in names:
            advance(name, 1.0)
    lines = capsys.readouterr().err.split("\n")
    assert all(cell_len(line) <= width for line in lines)
    assert all(sum(line.startswith(name) for line in lines) == 1 for name in names)

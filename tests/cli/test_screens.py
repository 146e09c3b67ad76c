"""What every command prints on a screen of 80 columns, held against the files in ``screens``.

After a change that is meant, write them anew with ``TRIALWISE_WRITE_SCREENS=1 uv run pytest -n 0 tests/cli/test_screens.py``, and read
the difference. Posteriors are drawn by a stand-in for the samplers, so that nothing is sampled. What rests on random numbers or on
time is compared without its numbers: each number is ``#``, and any number of spaces is one.
"""

import os
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import typer
import xarray as xr
from rich.cells import cell_len
from typer.testing import CliRunner

from trialwise.cli import demo
from trialwise.cli.app import app
from trialwise.cli.output import writing
from trialwise.inference import samplers
from trialwise.inference.draws import Layout
from trialwise.inference.sampler import Sampled
from trialwise.population.population import GroupDraw
from trialwise.reports import pictures

FOLDER = Path(__file__).with_name("screens")
WRITTEN_WITH = "0.29.2"
"""The version of typer, which lays out help, with which the files were written."""
WIDTH, WIDE = 80, 1000
"""Columns of the screens, and of one on which nothing needs to be wrapped."""

CENTRES = {"alpha": -1.5, "beta": 0.7, "forget": -2.5, "alpha_high": -1.5, "beta_high": 0.7, "forget_high": -2.5}
"""Where the stand-in puts each parameter, on the unconstrained scale."""

VERBS = tuple(typer.main.get_command(app).commands)
STUDY = "--environment AlienTask --trials 30 --participants 3 --datasets 2 --workers 1"
FIT = "QLearning data/trials.csv --set initial=1.2 --draws 250 --seed 1"

EXACT = {
    "trialwise": "--help",
    **{f"{verb}_help": f"{verb} --help" for verb in VERBS},
    "data": "data",
    "models": "models",
    "models_QLearning": "models QLearning",
    "models_HybridTwoStep": "models HybridTwoStep",
    "no_learner": "fit Nope data",
    "no_data": "inspect data/true_parameters.csv",
    "one_fit": "compare free/fit.nc",
}
"""Screens that are always the same, by name."""

RANDOM = {
    "simulate": "simulate QLearning --set initial=1.2 --environment AlienTask --trials 40 --participants 6 --seed 1 -o again",
    "inspect": "inspect data/trials.csv",
    "inspect_raw": "inspect data/trials.csv --raw",
    "fit": f"fit {FIT} -o again",
    "diagnose": "diagnose free/fit.nc",
    "check_learner": "check QLearning",
    "check": "check free/fit.nc --datasets 40 --environment AlienTask",
    "compare": "compare free=free/fit.nc fixed=fixed/fit.nc --draws 100 -o comparison",
    "compare_raw": "compare free=free/fit.nc fixed=fixed/fit.nc --draws 100 --raw -o comparison",
    "recover": f"recover QLearning {STUDY} --draws 250 -o recovery",
    "recover_effects": "recover QLearning --environment AlienTask --trials 30 --datasets 2 --workers 1 --draws 250 --participants people.csv "
    "--formula alpha~group+age --effect alpha:age=0.3 -o effects",
    "calibrate": f"calibrate QLearning {STUDY} --draws 250 -o calibration",
    "confuse": f"confuse QLearning StimulusLearning {STUDY} -o confusion",
    "report": "report free=free/fit.nc fixed=fixed/fit.nc",
    "demo": "demo --quick --draws 100 -o demo",
}
"""Screens with random numbers or times."""


def drawn(request):
    """Draws around the centres, from a stream of the request."""
    layout, chains, draws = (
        Layout(request.population, request.likelihood.trials.participants),
        [],
        request.draws or 1000,
    )
    population = request.population
    centre = np.array([CENTRES[population.base_name(name)] for name in population.names])
    means = np.array([CENTRES[term.parameter] if term.intercept else 0.0 for term in population.terms.coefficients])
    for chain in range(request.chains):
        random = request.random(chain)
        mu = means + 0.3 * random.standard_normal((draws, len(means)))
        sd = np.abs(0.5 + 0.1 * random.standard_normal((draws, len(population.terms.effects))))
        individual = (draws, len(request.likelihood.rows), len(centre))
        chains.append((mu, sd, np.zeros((draws, 0)), centre + 0.5 * random.standard_normal(individual)))
    posterior = layout.dataset(GroupDraw(*(np.stack(part) for part in zip(*chains, strict=True))))
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((request.chains, draws), bool))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats.assign_coords(posterior.coords)})
    return Sampled(tree, 1.0, {"gradients": 0, "tune": request.tune})


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No sampling, no pictures, a small demo; a console without history."""
    words = {"figures": lambda attrs, stats: [], "sentence": lambda attrs, draws: draws}
    for name, each in samplers.SAMPLERS.items():
        monkeypatch.setitem(samplers.SAMPLERS, name, replace(each, sample=drawn, **words))
    monkeypatch.setattr(writing, "png", lambda figure: b"")
    monkeypatch.setattr(pictures, "_svg", lambda figure: "data:image/svg+xml,")
    monkeypatch.setattr(demo, "QUICK", demo.Size(4, 40, 2, 20, 5, 0, 100))
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for the results of all commands."""
    return tmp_path_factory.mktemp("screens")


@pytest.fixture
def results(folder, monkeypatch):
    """Simulated data and two fits in the working folder."""
    monkeypatch.chdir(folder)
    if not Path("free").exists():
        printed(RANDOM["simulate"].replace("again", "data"), monkeypatch)
        Path("people.csv").write_text("group,age\npatient,20\ncontrol,31\npatient,44\ncontrol,52\n", "utf-8")
        printed(f"fit {FIT} -o free", monkeypatch)
        printed(f"fit {FIT} --fix forget=0 -o fixed", monkeypatch)


def printed(words, monkeypatch, width=WIDTH):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("rich._console", None)
    result = CliRunner().invoke(app, words.split())
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def without_numbers(text):
    """Numbers as ``#``, spaces as one, and bars of progress as none."""
    text = re.sub(r"(?<![\w.])[-+]?(?:\d[\d.:]*(?:e[-+]\d+)?|nan)(?!\w)", "#", text)
    return re.sub(r" +", " ", re.sub("[━╸╺]+", "", text))


def words_of(text):
    """Numbers and words as a reader sees them."""
    return set(without_numbers(text).split())


def form_of_help(text):
    """Help as it is printed by the version of typer that wrote the files; of others, whose layout is not ours, the options."""
    return text if version("typer") == WRITTEN_WITH else set(re.findall(r"--[a-z][\w-]+", text))


def assert_is(name, text, form):
    path = FOLDER / f"{name}.txt"
    if os.environ.get("TRIALWISE_WRITE_SCREENS") and not (
        path.exists() and form(path.read_text("utf-8")) == form(text)
    ):
        path.write_text(text, "utf-8")
    assert form(text) == form(path.read_text("utf-8"))


def assert_fits(text):
    """No line is longer than the screen, but for words, such as paths, and commands; nothing trails."""
    for line in text.split("\n"):
        assert cell_len(line) <= WIDTH or line.startswith("  trialwise ") or len(line.split()) == 1, line
        assert line == line.rstrip(), f"spaces at the end of {line!r}"


@pytest.mark.parametrize("name", EXACT)
def test_screens_that_are_always_the_same(name, results, monkeypatch):
    text = printed(EXACT[name], monkeypatch)
    assert_fits(text)
    assert_is(name, text, form_of_help if name.endswith("help") else str)
    if not name.endswith("help"):  # typer wraps help at 80 columns whatever the screen
        assert words_of(text) == words_of(printed(EXACT[name], monkeypatch, WIDE))


@pytest.mark.parametrize("name", RANDOM)
def test_screens_with_random_numbers(name, results, monkeypatch):
    text = printed(RANDOM[name], monkeypatch)
    if "--raw" not in RANDOM[name]:
        assert_fits(text)
    if "--raw" not in RANDOM[name] and name != "demo":  # which prints what the other verbs print
        assert words_of(text) == words_of(printed(RANDOM[name], monkeypatch, WIDE))
    assert_is(name, text, without_numbers)


def test_every_verb_has_a_screen():
    assert {words.split()[0] for words in {**EXACT, **RANDOM}.values()} >= set(VERBS)
    assert {path.stem for path in FOLDER.iterdir()} == {*EXACT, *RANDOM}

"""A notebook without ipywidgets: every result and figure is displayed, once, and nothing else is."""

import re

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.sample

PREPARE = """
import sys
sys.modules["ipywidgets"] = None  # as if it were not installed
import matplotlib
assert "matplotlib.pyplot" not in sys.modules  # whose import would register figures with the notebook
import numpy as np
import trialwise as tw
from trialwise.base.progress import bars

agents = {"alpha": (0.05, 0.3), "beta": (1, 3), "forget": 0.05}
task = tw.environments.AlienTask(trials=60)
short = {"draws": 60, "tune": 60, "chains": 2}
"""

RESULTS = {
    "Simulation": "simulation = tw.simulate(tw.QLearning(initial=1.2), task, agents, participants=3, seed=1); simulation",
    "Trials": "simulation.trials",
    "Inspection": "tw.inspect(simulation.trials)",
    "Fit": "fit = tw.fit(tw.QLearning(initial=1.2), simulation.trials, seed=1, **short); fit",
    "Check": "check = tw.check(fit, task, datasets=4); check",
    "R-hat": "diagnosis = tw.diagnose(fit); diagnosis",
    "Comparison": "tw.compare({'a': fit, 'b': fit}, 'integrated')",
    "Recovery": "tw.recover(tw.QLearning(initial=1.2), task, {'alpha': (0.05, 0.3)}, 1, 3, workers=1, **short)",
    "Calibration": "tw.calibrate(tw.QLearning(initial=1.2), task, 2, 3, workers=1, **short)",
    "Confusion": "tw.confuse([tw.QLearning(), tw.QLearning(initial=1.2)], task, datasets=1, participants=3, workers=1)",
    "passes all": "tw.check_learner(tw.learners.RescorlaWagner())",
}
"""A cell for each kind of result that people look at, by a text that its display contains."""

STAGES = {
    "Fit": "sampling", "Check": "checking", "Comparison": "", "Recovery": "recovering", "Calibration": "", "Confusion": "",
}  # fmt: skip
"""The cells with a progress bar, and the name of its stage."""

FIGURES = ["fit.plot_trace()", "fit.plot()", "check.plot()", "diagnosis.plot()"]

STOPPED = """
with bars(True) as update:
    update("reading", 0.5)
    raise KeyboardInterrupt
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of each cell, by its code."""
    sources = [PREPARE, *RESULTS.values(), *FIGURES, STOPPED]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    folder = tmp_path_factory.mktemp("notebook")
    nbclient.NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": folder}}
    ).execute()
    return {cell.source: cell.outputs for cell in notebook.cells}


def values(outputs):
    return [each for each in outputs if each.output_type == "execute_result"]


def test_nothing_is_printed_and_no_cell_fails(outputs):
    for source, each in outputs.items():
        kinds = [output.output_type for output in each]
        assert "stream" not in kinds, (source, each)
        assert source == STOPPED or "error" not in kinds, (source, each)


@pytest.mark.parametrize("text", RESULTS)
def test_results_are_displayed_once_as_a_page(text, outputs):
    (value,) = values(outputs[RESULTS[text]])
    page = value.data["text/html"]
    assert text in page and "<table" in page and "image/png" not in value.data


@pytest.mark.parametrize("source", FIGURES)
def test_figures_are_displayed_once(source, outputs):
    (output,) = outputs[source]
    assert "image/png" in output.data
    (metadata,) = (each for each in output.metadata.values() if each)
    assert 300 < metadata["width"] < 1200


@pytest.mark.parametrize("kind", RESULTS)
def test_a_progress_bar_leaves_one_line(kind, outputs):
    displays = [each.data for each in outputs[RESULTS[kind]] if each.output_type == "display_data"]
    assert len(displays) == (kind in STAGES)
    for data in displays:
        assert re.fullmatch(rf"[^\n]*{STAGES[kind]}[^\n]* \d+:\d\d \(finished\)", data["text/plain"])
        assert "<progress" not in data["text/html"]


def test_a_progress_bar_that_was_interrupted_says_so(outputs):
    display, error = outputs[STOPPED]
    assert display.data["text/plain"] == "reading 0:00 (stopped)" and error.ename == "KeyboardInterrupt"

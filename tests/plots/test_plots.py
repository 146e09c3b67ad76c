"""Plots show the values they describe."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.analysis.against_truth import points
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.replicated import compared
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.plots.behaviour import behaviour_plot
from trialwise.plots.labels import folded
from trialwise.plots.measures import families, together
from trialwise.plots.posterior import PosteriorPanel, posterior_plot
from trialwise.plots.recovery import recovery_plot


def test_trace_plot_has_two_panels_per_parameter(fitted):
    figure = fitted.plot_trace()
    labels = [axis.get_title(loc="left") for axis in figure.axes[::2]]
    assert labels == fitted.group_names
    assert all(len(axis.lines) >= fitted.tree["posterior"].sizes["chain"] for axis in figure.axes)


def test_recovery_plot_shows_every_participant(fitted, small):
    truth = small.parameters
    figure = recovery_plot(points(fitted, truth), tw.recovered(fitted, truth))
    for axis, name in zip(figure.axes, fitted.parameters, strict=True):
        plotted = axis.containers[0].lines[0].get_xydata()
        assert sorted(plotted[:, 0]) == sorted(truth[name])
        assert name in axis.get_title()
        assert axis.get_xlim() == axis.get_ylim() and axis.get_aspect() == 1
        (x, y), slope = axis.lines[0].get_xy1(), axis.lines[0].get_slope()
        assert x == y and slope == 1
        assert axis.get_ylim()[0] < plotted.min() and axis.get_ylim()[1] > plotted.max()


def test_posterior_plot_shows_group_prior_and_every_participant():
    random = np.random.default_rng(1)
    draws = random.normal([3.0, 1.0, 2.0], 0.1, (500, 3))
    group = random.normal(2.0, 0.2, 500)
    panel = PosteriorPanel("beta", group, draws, lambda x: np.full(len(x), 0.25))
    for width, columns in ((10.0, 2), (4.0, 1)):
        figure = posterior_plot([panel, panel._replace(name="alpha")], width)
        above, below = figure.axes[:2]
        assert (
            figure.get_figwidth() == width
            and above.get_subplotspec().get_topmost_subplotspec().get_gridspec().ncols == columns
        )
        density, prior = (line.get_xydata() for line in above.lines)
        assert abs(density[np.argmax(density[:, 1]), 0] - np.median(group)) < 0.1
        assert (prior[:, 1] == 0.25).all()
        np.testing.assert_allclose(below.lines[0].get_xdata(), np.sort(draws.mean(0)))
    separate = posterior_plot([panel._replace(group=None, prior=None)], 4.0)
    shared = posterior_plot([panel._replace(participants=None)], 4.0)
    assert len(separate.axes) == len(shared.axes) == 1


def test_behaviour_plot_has_one_panel_per_curve(small):
    table = measured(small.trials, MEANS)
    figure = behaviour_plot(table, 10.0)
    panels = {axis.get_title(): axis for axis in figure.axes if axis.get_title()}
    curve = [name for name in table if name.startswith("accuracy, presentation")]
    points = panels["accuracy, presentation"].containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 1], table[curve].mean())
    assert len(panels["accuracy, presentation"].lines) >= small.trials.n_participants
    (bars,) = panels["accuracy, presentation"].containers[0].lines[2]
    half = np.array([segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]) / 2
    standard_error = table[curve].std() / np.sqrt(8)
    np.testing.assert_allclose(half, student(0.945, 7) * standard_error, rtol=1e-4)
    chance = behaviour_plot(table, 10.0, 1 / 3)
    marked = {axis.get_title() for axis in chance.axes if "chance" in [line.get_label() for line in axis.lines]}
    assert "accuracy, presentation" in marked and not any(title.startswith("other") for title in marked)


def student(probability, degrees):
    """Quantile of Student's t by integration of its density."""
    x = np.linspace(-60, 60, 2_000_001)
    density = (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
    total = np.cumsum(density)
    return x[np.searchsorted(total, probability * total[-1])]


def test_intervals_have_the_same_probability_everywhere():
    from statistics import NormalDist

    from trialwise.plots.intervals import EDGES, NAME, half_width, of_proportion

    assert pytest.approx((0.055, 0.945)) == EDGES and NAME == "89 % interval"
    assert half_width(2.0) == pytest.approx(2 * NormalDist().inv_cdf(0.945))
    assert half_width(1.0, 2) == pytest.approx(np.tan(np.pi * 0.445))  # one degree of freedom: Cauchy
    low, high = of_proportion([0.5], [0])  # Beta(1/2, 1/2), the arcsine law
    assert [low[0], high[0]] == pytest.approx(np.sin(np.pi / 2 * np.array([0.055, 0.945])) ** 2)
    low, high = of_proportion([0.0, 1.0], [20, 20])
    assert low[0] == 0 and 0 < high[0] < 0.2 and high[1] == 1 and 0.8 < low[1] < 1


def test_chains_have_names_and_colours_that_anyone_can_tell_apart(fitted):
    """As seen without red-sensitive (protanopia) or green-sensitive cones (deuteranopia), after Vienot, Brettel & Mollon 1999."""
    from matplotlib.colors import to_rgb

    from trialwise.plots.colours import DISTINCT

    first = np.array([to_rgb(each) for each in DISTINCT[:4]]) ** 2.2
    protan = np.array([[0.1120, 0.8853, -0.0005], [0.1126, 0.8897, -0.0001], [0.0045, 0.0001, 1.0019]])
    deutan = np.array([[0.2925, 0.7054, -0.0003], [0.2934, 0.7089, 0.0], [-0.0210, 0.0256, 0.9950]])
    for seen in (first @ protan.T, first @ deutan.T):
        seen = np.clip(seen, 0, 1) ** (1 / 2.2)
        assert min(np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]) > 0.2
    for figure in (fitted.plot(), tw.diagnose(fitted).plot()):
        (legend,) = figure.legends
        assert [each.get_text() for each in legend.get_texts()] == ["chain 1", "chain 2"]
        assert [line.get_color() for line in legend.get_lines()] == list(DISTINCT[:2])


def test_measures_are_grouped_by_what_they_measure():
    names = [
        "share of 0",
        "share of 1",
        "repeated",
        "repeated after better",
        "accuracy",
        "accuracy, block 1",
        "accuracy, block 2",
    ]
    names += ["early slope", "first: a", "first: b", "index, 0", "index, 1", "lone, 1"]
    groups = together(names)
    assert groups == {
        "shares of actions": ["share of 0", "share of 1"], "repeated": ["repeated", "repeated after better"],
        "accuracy": ["accuracy", "accuracy, block 1", "accuracy, block 2"], "first": ["first: a", "first: b"],
        "index": ["index, 0", "index, 1"], "other measures": ["early slope", "lone, 1"],
    }  # fmt: skip
    assert families([f"share of {k}" for k in range(5)])[0] == {}  # actions have no order


@pytest.mark.parametrize("width", [12.6, 7.6])
def test_check_plot_names_every_measure_and_marks_chance(width):
    names = ["share of 0", "share of 1", "accuracy", "a measure with quite a long name, of many words", "undefined"]
    names += [f"accuracy, presentation {k}" for k in range(1, 6)]
    random = np.random.default_rng(1)
    observed = pd.Series(random.random(len(names)), names)
    observed["undefined"] = np.nan
    table = compared(observed, pd.DataFrame(random.random((50, len(names))), columns=names))
    cells = pd.DataFrame({"probability": [0.1, 0.9], "observed": [0.0, 0.8], "count": [20, 30]})
    figure = tw.results.Check("rollout", table, pd.DataFrame(), cells, np.zeros((1, 2, 4))).plot(width=width)
    figure.draw_without_rendering()
    labelled, marked = {}, set()
    for axis in figure.axes:
        for tick in axis.get_yticklabels():
            labelled[tick.get_text().replace("\n", " ")] = tick.get_window_extent()
        for line in axis.lines:
            if line.get_label() == "chance":
                assert set(line.get_ydata()) == {0.25}
                marked.add(axis.get_title())
    assert set(names[:4]) <= set(labelled) and "undefined" not in labelled
    assert all(labelled[name].x0 >= 0 for name in names[:4])  # none is cut
    assert marked == {"accuracy, presentation"}


def test_compare_plot_has_the_interval_of_each_difference():
    table = pd.DataFrame({"difference": [0.0, -4.0], "se_difference": [0.0, 2.0]}, index=["a", "b"])
    elpd = pd.DataFrame({"a": [-5.0, -6.0, -7.0], "b": [-6.0, -5.0, -8.0]}, index=["x", "y", "z" * 40])
    comparison = tw.results.Comparison("participant", table, elpd, None, np.nan)
    for width in (10.0, 7.0):
        figure = comparison.plot(width=width)
        totals, participants = figure.axes
        (bar,) = totals.containers[1].lines[2]
        assert bar.get_segments()[0][:, 0] == pytest.approx(-4 + 2 * 1.598193 * np.array([-1, 1]))
        assert figure.get_figwidth() == width and "89 % interval" in totals.get_xlabel()
        assert max(len(label.get_text()) for label in participants.get_xticklabels()) <= 16


def test_long_names_are_folded_where_words_and_calls_end():
    assert folded("StimulusLearning(initial=1.2).fix(forget=0.05)", 22) == (
        "StimulusLearning(\ninitial=1.2).fix(\nforget=0.05)"
    )
    assert folded("current context, trials after a switch", 26) == "current context, trials\nafter a switch"
    assert folded("short", 26) == "short"
    assert (
        folded("(session 2 - session 1) x (patient - control)", 26) == "(session 2 - session 1) x\n(patient - control)"
    )


def test_every_plot_is_displayed_in_notebooks(fitted, small):
    truth = small.parameters
    panel = PosteriorPanel("beta", np.random.default_rng(1).normal(size=50), None)
    figures = [
        fitted.plot_trace(), posterior_plot([panel], 4.0), behaviour_plot(measured(small.trials, MEANS)),
        recovery_plot(points(fitted, truth), tw.recovered(fitted, truth)),
    ]  # fmt: skip
    for figure in figures:
        image, size = figure._repr_png_()
        assert image.startswith(b"\x89PNG") and size["width"] > 0

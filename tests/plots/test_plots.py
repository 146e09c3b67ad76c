"""Plots show the values they describe."""

import numpy as np

import trialwise as tw
from trialwise.analysis.against_truth import points
from trialwise.analysis.behaviour.measures import measured
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.plots.behaviour import behaviour_plot
from trialwise.plots.posterior import PosteriorPanel, posterior_plot
from trialwise.plots.recovery import recovery_plot


def test_trace_plot_has_one_row_per_parameter(fitted):
    figure = fitted.plot_trace()
    labels = [axis.get_ylabel() for axis in figure.axes[::2]]
    assert labels == fitted.group_names
    assert all(len(axis.lines) >= fitted.tree["posterior"].sizes["chain"] for axis in figure.axes)


def test_recovery_plot_shows_every_participant(fitted, small):
    truth = small.parameters
    figure = recovery_plot(points(fitted, truth), tw.recovered(fitted, truth))
    for axis, name in zip(figure.axes, fitted.parameters, strict=True):
        plotted = axis.containers[0].lines[0].get_xydata()
        assert sorted(plotted[:, 0]) == sorted(truth[name])
        assert name in axis.get_title()


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

"""Plots show what they say they show."""

import trialwise as tw
from trialwise.plots.recovery import recovery_plot
from trialwise.recovered import points


def test_trace_plot_has_a_row_a_parameter(fitted):
    figure = fitted.plot_trace()
    labels = [axis.get_ylabel() for axis in figure.axes[::2]]
    assert labels == fitted.group_names
    assert all(len(axis.lines) >= fitted.tree["posterior"].sizes["chain"] for axis in figure.axes)


def test_recovery_plot_shows_every_participant(fitted, small):
    truth = small.parameters
    figure = recovery_plot(points(fitted, truth), tw.recovered(fitted, truth))
    for axis, name in zip(figure.axes, fitted.parameters, strict=True):
        drawn = axis.containers[0].lines[0].get_xydata()
        assert sorted(drawn[:, 0]) == sorted(truth[name])
        assert name in axis.get_title()

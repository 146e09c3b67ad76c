"""Results: findings, tables and plots, which work in the same way for all of them."""

from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib.figure import Figure

import trialwise as tw
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result, having
from trialwise.base.rows import rows_of
from trialwise.plots.picture import picture

EVIL = '<script>ran=1</script> a & b\'s "quote"'


class ExampleResult(Result):
    """A minimal result."""

    contents = {"numbers": f"numbers of {EVIL}"}
    headline = f"Example {EVIL}"
    findings = (
        Finding("problem", "bad", f"it is bad: {EVIL}", Message("Draw more, ", Argument("draws", 200)), ("alpha",)),
        Finding("note", "known", "to be known"),
    )

    def tables(self):
        numbers = pd.DataFrame({EVIL: [0.123456] * 12}, index=pd.Index([f"row {EVIL}"] * 12, name="row"))
        return {"numbers": numbers, "words": pd.DataFrame({"said": [EVIL], "count": [3]}), "empty": pd.DataFrame()}


class Page(HTMLParser):
    """Elements and text; every opened element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_finding_as_text():
    bad, known = ExampleResult.findings
    assert str(bad) == f"it is bad: {EVIL}. Draw more, draws=200" and bad.brief == "it is bad"
    assert bad.text.inputs == (Argument("draws", 200),)
    assert str(known) == known.brief == "to be known"
    assert having(ExampleResult.findings, "note") == (known,) and not having(ExampleResult.findings, "caution")


def test_a_result_in_plain_text():
    assert repr(ExampleResult()).split("\n") == [f"Example {EVIL}", f"  {ExampleResult.findings[0]}", "  to be known"]


def test_a_notebook_shows_headline_findings_and_tables_and_runs_no_code():
    page = Page(ExampleResult()._repr_html_())
    assert "script" not in page.elements and page.text.count(EVIL) >= 13
    for text in (f"Example {EVIL}", "problem: it is bad", "Draw more, draws=200", "note: to be known", "numbers of <"):
        assert text in page.text
    assert page.elements.count("table") == 2  # the empty table is omitted
    assert "and 2 more rows" in page.text and "0.123" in page.text and "0.1234" not in page.text


def test_tables_as_text():
    frame = pd.DataFrame({"ess_bulk": [1234.5], "r_hat": [1.0014], "name": ["a"], "n": [3]}, index=["alpha"])
    assert rows_of("t", frame).header == ("", "ess_bulk", "r_hat", "name", "n")
    assert rows_of("t", frame).rows == (("alpha", "1234", "1.001", "a", "3"),)
    assert rows_of("t", frame, {"n": "N", "r_hat": "R"}, "who").header == ("who", "N", "R")
    assert rows_of("t", frame, {"n": "N", "r_hat": "R"}, "who").rows == (("alpha", "3", "1.001"),)
    without_index = frame.reset_index(drop=True)
    assert rows_of("t", without_index).header == ("ess_bulk", "r_hat", "name", "n")  # a default index is omitted


def test_plots_are_registered_automatically_and_imported_late(fitted):
    import subprocess
    import sys

    code = (
        "import sys, trialwise as tw, trialwise.plots\n"
        "tw.results.Fit, tw.results.Check, tw.results.Diagnosis, tw.results.Recovery, tw.results.Calibration, tw.results.Confusion, tw.results.Comparison\n"
        "late = {name for name in sys.modules if name.startswith('trialwise.plots.') or name == 'matplotlib'} - {'trialwise.plots.picture'}\n"
        "assert not late, late"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert isinstance(fitted.plot(width=5.0), Figure) and fitted.plot(width=5.0).get_figwidth() == 5.0
    plotted = {kind.__name__ for kind in picture.registry} - {"object"}
    assert plotted == {
        "Fit", "Check", "CheckByLevel", "Diagnosis", "Recovery", "Calibration", "Confusion", "Comparison", "Contrasts", "Reliability", "Association",
    }  # fmt: skip
    with pytest.raises(
        tw.errors.UsageError, match="no plot of a ExampleResult; there are plots of Association, Calibration, Check"
    ):
        ExampleResult().plot()


def test_a_fit_a_point_estimate_and_a_simulation_are_shown(fitted, small):
    assert [kind.kind for kind in fitted.summary()[["ess_bulk", "ess_tail"]].dtypes] == ["i", "i"]  # numbers of draws
    page = Page(fitted._repr_html_())
    assert repr(fitted) in page.text and "alpha_group" in page.text and "and " in page.text
    point = tw.point(tw.QLearning(initial=1.2), small.trials, starts=2)
    assert set(point.tables()) == set(point.contents)
    assert "log_likelihood" in Page(point._repr_html_()).text
    at_border = point.maximum_likelihood["at_border"] != ""
    assert bool(point.findings) == at_border.any()
    for finding in point.findings:
        assert f"for {at_border.sum()} of 8 participants" in finding.sentence and set(finding.about) <= {
            "alpha",
            "beta",
            "forget",
        }
    assert "trials" in small.tables() and "QLearning" in Page(small._repr_html_()).text


def test_every_class_of_results_describes_its_tables():
    for kind in (
        tw.results.Fit,
        tw.results.Point,
        tw.results.Check,
        tw.results.Diagnosis,
        tw.results.Recovery,
        tw.results.Calibration,
        tw.results.Confusion,
        tw.results.Comparison,
        tw.results.Prediction,
    ):
        assert issubclass(kind, Result) and kind.contents

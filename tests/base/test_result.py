"""Results: findings, tables and pictures, the same way for all of them."""

from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib.figure import Figure

import trialwise as tw
from trialwise import plots
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result, having
from trialwise.base.rows import rows_of

EVIL = '<script>ran=1</script> a & b\'s "quote"'


class Found(Result):
    """A result of nothing in particular."""

    contents = {"numbers": f"numbers of {EVIL}"}
    headline = f"Found {EVIL}"
    findings = (
        Finding("problem", "bad", f"it is bad: {EVIL}", Message("Draw more, ", Argument("draws", 200)), ("alpha",)),
        Finding("note", "known", "to be known"),
    )

    def tables(self):
        many = pd.DataFrame({EVIL: [0.123456] * 12}, index=pd.Index([f"row {EVIL}"] * 12, name="row"))
        return {"numbers": many, "words": pd.DataFrame({"said": [EVIL], "count": [3]}), "empty": pd.DataFrame()}


class Page(HTMLParser):
    """Elements and text; whatever is opened is closed."""

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


def test_a_finding_in_words():
    bad, known = Found.findings
    assert str(bad) == f"it is bad: {EVIL}. Draw more, draws=200" and bad.brief == "it is bad"
    assert bad.text.inputs == (Argument("draws", 200),)
    assert str(known) == known.brief == "to be known"
    assert having(Found.findings, "note") == (known,) and not having(Found.findings, "caution")


def test_a_result_in_plain_text():
    assert repr(Found()).split("\n") == [f"Found {EVIL}", f"  {Found.findings[0]}", "  to be known"]


def test_a_notebook_shows_headline_findings_and_tables_and_runs_nothing():
    page = Page(Found()._repr_html_())
    assert "script" not in page.elements and page.text.count(EVIL) >= 13
    for words in (f"Found {EVIL}", "problem: it is bad", "Draw more, draws=200", "note: to be known", "numbers of <"):
        assert words in page.text
    assert page.elements.count("table") == 2  # the empty one is left out
    assert "and 2 more rows" in page.text and "0.123" in page.text and "0.1234" not in page.text


def test_tables_as_text():
    frame = pd.DataFrame({"ess_bulk": [1234.5], "r_hat": [1.0014], "name": ["a"], "n": [3]}, index=["alpha"])
    assert rows_of("t", frame).header == ("", "ess_bulk", "r_hat", "name", "n")
    assert rows_of("t", frame).rows == (("alpha", "1234", "1.001", "a", "3"),)
    assert rows_of("t", frame, {"n": "N", "r_hat": "R"}, "who").header == ("who", "N", "R")
    assert rows_of("t", frame, {"n": "N", "r_hat": "R"}, "who").rows == (("alpha", "3", "1.001"),)
    counted = frame.reset_index(drop=True)
    assert rows_of("t", counted).header == ("ess_bulk", "r_hat", "name", "n")  # an index that only counts says nothing


def test_pictures_are_found_by_themselves_and_imported_late(fitted):
    import subprocess
    import sys

    code = (
        "import sys, trialwise as tw, trialwise.plots\n"
        "tw.results.Fit, tw.results.Check, tw.results.Diagnosis, tw.results.Recovery, tw.results.Calibration, tw.results.Confusion, tw.results.Comparison\n"
        "late = {name for name in sys.modules if name.startswith('trialwise.plots.') or name == 'matplotlib'}\n"
        "assert not late, late"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert isinstance(fitted.plot(width=5.0), Figure) and fitted.plot(width=5.0).get_figwidth() == 5.0
    drawn = {kind.__name__ for kind in plots.picture.registry} - {"object"}
    assert drawn == {"Fit", "Check", "Diagnosis", "Recovery", "Calibration", "Confusion", "Comparison"}
    with pytest.raises(tw.errors.UsageError, match="no plot of a Found; there are plots of Calibration, Check"):
        Found().plot()


def test_a_fit_and_its_points_show_themselves(fitted, small):
    page = Page(fitted._repr_html_())
    assert repr(fitted) in page.text and "alpha_group" in page.text and "and " in page.text
    point = tw.point(tw.QLearning(initial=1.2), small.trials, starts=2)
    assert set(point.tables()) == set(point.contents)
    assert "log_likelihood" in Page(point._repr_html_()).text
    away = point.maximum_likelihood["at_border"] != ""
    assert bool(point.findings) == away.any()
    for finding in point.findings:
        assert f"for {away.sum()} of 8 participants" in finding.sentence and set(finding.about) <= {
            "alpha",
            "beta",
            "forget",
        }
    assert "trials" in small.tables() and "QLearning" in Page(small._repr_html_()).text


def test_every_table_of_a_result_says_what_it_holds():
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

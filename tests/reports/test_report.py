"""Reports: their content, that they are self-contained, that no script in them runs, and how a browser renders them."""

import json
import re
import types
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import trialwise as tw
from browser import probe_page, run
from trialwise.base.result import Finding
from trialwise.cli.app import app
from trialwise.inference.fitted import Fit
from trialwise.learners import BUILT_IN
from trialwise.learners.docstring import lines, parts, pieces
from trialwise.reports import mathml, pictures
from trialwise.reports.docstring import prose, symbol
from trialwise.reports.subject import Subject

SCRIPT = "<script>ran=1</script>"
EVIL = [SCRIPT, '"><img src=x onerror=ran=2>', "a & b's <i>", "{{ 7*7 }}", "$x_{$ & $", "é 参与者", "-->", "</style>"]
"""Labels of participants that a file could contain."""

VOID = {"meta", "img", "source", "br"}


class Page(HTMLParser):
    """A parsed page: elements with attributes, the text of each section, and whether tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.sections, self.tables, self.text, self.contents = [], [], {}, [], "", []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append((tag, attributes.get("id")))
        if tag == "a" and any(tag == "nav" for tag, _ in self.open):
            self.contents.append(attributes["href"])
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop()[0] == tag

    def handle_data(self, data):
        if any(tag == "style" for tag, _ in self.open):
            return
        self.text += data
        name = next((name for tag, name in self.open if tag == "section"), None)
        self.sections[name] = self.sections.get(name, "") + data
        if self.open and any(tag in ("th", "td") for tag, _ in self.open):
            self.tables[-1][-1][-1] += data

    def named(self, tag):
        return [attributes for each, attributes in self.elements if each == tag]

    def table(self, first):
        """The table whose header begins with the given cells."""
        return next(table for table in self.tables if table and table[0][: len(first)] == list(first))


def drawn(source):
    """The picture of a data URI."""
    return ElementTree.fromstring(unquote(source.removeprefix("data:image/svg+xml,")))


def parsed_report(tmp_path, fits, **kwargs):
    """A report, written and parsed."""
    return Page(tw.report(fits, tmp_path / "report.html", progress=False, **kwargs).read_text("utf-8"))


def relabelled(fit, labels, **attributes):
    """The same posterior with other labels of participants."""
    tree = fit.tree.copy()
    posterior = tree["posterior"].to_dataset().assign_coords(participant=[str(label) for label in labels])
    tree["posterior"] = type(tree)(posterior)
    tree.attrs |= attributes
    return Fit(tree, fit.learner, replace(fit.trials, participants=tuple(labels)), fit.priors)


@pytest.fixture(scope="module")
def check(fitted):
    return tw.check(fitted, tw.environments.AlienTask(), datasets=8, progress=False)


@pytest.fixture(scope="module")
def report_path(fitted, small, check, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return tw.report(fitted, folder / "new" / "report.html", checks=check, truth=small.parameters)


@pytest.fixture(scope="module")
def page(report_path):
    return Page(report_path.read_text("utf-8"))


@pytest.fixture
def without_pictures(monkeypatch):
    """Replace pictures by empty ones, which saves seconds in tests that do not concern them."""
    monkeypatch.setattr(pictures, "_svg", lambda figure: "data:image/svg+xml,")


@pytest.fixture
def evil(fitted, without_pictures, tmp_path):
    """A page on data with markup as labels, without the content security policy in its head."""
    relabelled_fit = relabelled(fitted, EVIL, pooling="none")
    levels = {
        **relabelled_fit.trials.levels,
        "action": ("<b>left</b>", "a&b", "$5 or $6"),
        "context": (SCRIPT, "b", "c"),
    }
    relabelled_fit = Fit(relabelled_fit.tree, relabelled_fit.learner, replace(relabelled_fit.trials, levels=levels), {})
    path = tw.report(
        {SCRIPT: relabelled_fit}, tmp_path / "evil.html", title=SCRIPT, checks="one-step", datasets=2, progress=False
    )
    text = path.read_text("utf-8")
    policy = re.search(r"<meta http-equiv=.Content-Security-Policy[^>]*>", text)
    assert "default-src 'none'" in policy[0]
    path.write_text(text.replace(policy[0], ""), "utf-8")
    return path


def test_content_of_every_section(page, fitted, small, check):
    sections = {name: " ".join(text.split()) for name, text in page.sections.items()}
    assert list(sections)[1:] == [
        "question", "data", "learners", "priors", "sampling", "estimates", "checks", "recovery", "comparison", "methods", "citations", "provenance", "words",
    ]  # fmt: skip
    assert page.contents == [f"#{name}" for name in list(sections)[2:]]
    assert "forget (forgetting rate)" in sections["question"]
    assert "8 participants with 960 trials (120 each)" in sections["data"]
    assert "learnt from prediction errors" in sections["learners"]
    assert "def learn(self, q, trial, choice, outcome)" in sections["learners"]
    for text in fitted.problems:
        assert " ".join(text.split()) in sections["sampling"]
    assert ("Do not rely on this fit yet" in sections["question"]) == bool(fitted.problems)
    assert f"{len(check.missed)} of {len(check.table)} measures" in sections["checks"]
    assert "their true parameters are known" in sections["recovery"]
    assert "10.1214/20-BA1221" in sections["citations"] and "Eckstein & Collins 2020" in sections["citations"]
    assert fitted.attrs["call"] in sections["provenance"] and str(fitted.attrs["seed"]) in sections["provenance"]


def test_values_are_those_of_the_fit(page, fitted, small):
    group = fitted.group()
    medians = {row[0]: row[2:] for row in page.table(("parameter", "description", "mean"))[1:]}
    for name in fitted.parameters:
        row = group.loc[f"{name}_group"]
        assert [float(cell) for cell in medians[name]] == pytest.approx(
            [row["mean"], row["eti89_lb"], row["eti89_ub"]], rel=5e-3
        )
    participants = page.table(("participant", "trials", "missed"))
    draws = fitted.tree["posterior"]["beta"].to_numpy()
    for n, row in enumerate(participants[1:]):
        assert row[:3] == [str(small.trials.participants[n]), "120", "0"]
        low, high = np.quantile(draws[:, :, n], [0.055, 0.945])
        assert [float(each) for each in re.findall(r"[\d.]+", row[4])] == pytest.approx(
            [draws[:, :, n].mean(), low, high], rel=6e-3
        )
    unit = page.table(("parameter", "scale", "group mean"))[1]
    middle = 1 / (1 + np.exp(1))
    assert unit[:4] == ["alpha", "logit", "Normal(-1, 1.5)", "HalfNormal(1)"] and unit[4].startswith(f"{middle:.2g} (")
    beta = page.table(("parameter", "scale", "group mean"))[2]
    assert beta[2] == f"Normal({1 - np.log(small.trials.outcome['outcome'].std()):.3g}, 1)"


def test_the_methods_section_describes_the_fit(page, fitted):
    methods = " ".join(page.sections["methods"].split())
    posterior, group = fitted.tree["posterior"].sizes, fitted.group()
    for text in (
        "We fitted the learner QLearning to the choices of 8 participants (960 trials, 120 each)",
        "alpha (learning rate, 0 to 1), beta (inverse temperature, above 0) and forget (forgetting rate, 0 to 1)",
        "initial was set to 1.2", "logit(alpha) ~ Normal(-1, 1.5)", "HalfNormal(1) for the spread of each",
        f"{posterior['chain']} chains of {posterior['draw']} draws each, after 150 draws of tuning",
        f"largest R-hat was {group['r_hat'].max():.3f}", f"{group['ess_bulk'].min():.0f}",
        f"trialwise {fitted.attrs['trialwise_version']}", f"nutpie {fitted.attrs['nutpie_version']}", "seed 11",
    ):  # fmt: skip
        assert text in methods, text


@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("methods", [{"learn", "elapse"}, {"learn"}, {"elapse"}])
def test_the_methods_section_describes_missed_responses(scored, learned, methods):
    """In agreement with the flags of the trials (trialwise.engine.flags), for every family and learner."""
    from trialwise.reports.sections.methods import _missed

    family = types.SimpleNamespace(scores_missing=scored, learns_when_missing=learned)
    text = _missed("3 missed choices", types.SimpleNamespace(family=family, methods=methods))
    likelihood, _, rest = text.partition("likelihood")
    assert ("neither" in likelihood or "not" in likelihood) == (not scored)
    learning = ("neither" in likelihood) or ("not to learning" in rest)
    assert learning == (not (learned and "learn" in methods))
    assert ("forgetting" in rest) == ("elapse" in methods)


def test_the_methods_section_counts_the_rows_of_an_expanded_file():
    from trialwise.reports.sections.methods import _data

    frame = pd.DataFrame({"id": ["a", "a", "b"], "one": [1, 2, 1], "two": [1, None, 2], "win": [1, None, 0]})
    family = tw.QLearning().family
    for expand, words in (
        (
            "first: choice=one, outcome=0; second: choice=two, outcome=win",
            "(3 trials, 1 to 2 each; 1 to 2 steps in each trial, 5 in all)",
        ),
        ("first: choice=one, outcome=win", "(3 trials, 1 to 2 each)"),
    ):
        trials = tw.read_long(frame, expand=expand)
        fit = types.SimpleNamespace(trials=trials)
        subject = types.SimpleNamespace(
            fit=fit,
            family=family,
            learner_name="QLearning",
            methods={"learn"},
            participants=2,
            by_participant=np.asarray,
        )
        assert words in _data(subject)


def test_methods_of_a_learner_are_read_from_its_stored_source():
    from trialwise.learners.stored import learner_to_attributes, methods_from_attributes

    attributes = learner_to_attributes(tw.QLearning())
    assert {"start", "choose", "elapse", "learn"} <= methods_from_attributes(attributes)
    assert methods_from_attributes({"learner_source": "class ("}) == frozenset()


def test_the_first_lines_answer_with_the_numbers_of_the_results(page, fitted, small, check):
    from trialwise.analysis.diagnose import diagnose

    answers = " ".join(page.sections["question"].split())
    group, diagnosis = fitted.group(), diagnose(fitted)
    asked, sampling, checked, recovery, compared = re.split(" (?:Sampling|Check|Recovery|Comparison) ", answers)
    assert "forget (forgetting rate) explain the 960 choices of 8 participants, trial by trial" in asked
    divergences = int(fitted.tree["sample_stats"]["diverging"].sum())
    for text in (
        diagnosis.verdict.split(". ")[0],
        f"largest R-hat {group['r_hat'].max():.3f}",
        f"at least {group[['ess_bulk', 'ess_tail']].min().min():.0f} effective draws",
        f"{divergences} divergent transition",
        *(caution.brief.split(" (")[0] for caution in diagnosis.cautions),
    ):
        assert text in sampling, text
    assert f"{len(check.missed)} of {check.table['tail'].notna().sum()} measures" in checked
    assert "89 % interval of 8 data sets of agents that act on their own" in checked
    for name, row in tw.recovered(fitted, small.parameters).iterrows():
        assert f"{name} {row['correlation']:.2f}" in recovery
    assert compared == "not done: the report was given no comparison."


def test_findings_are_shown_as_they_are_in_the_tone_of_their_severity(fitted, tmp_path, without_pictures):
    """Also those of kinds that the report does not know: it has no verdict of its own."""
    table = pd.DataFrame(
        {"elpd": [-9.0, -12.5], "difference": [0.0, -3.5], "se_difference": [0.0, 2.25]}, ["one", "other"]
    )
    found = (
        Finding("problem", "not-decided", "one and other: not decided: the difference is 1.6 standard errors", "Collect more", ("one and other",)),
        Finding("note", "new", "a note (with a reason)"),
    )  # fmt: skip
    participants = pd.DataFrame({"winner": ["one"], "one": [0.0], "other": [-3.5]}, index=["p"])
    comparison = FakeComparison(table, found, "participant", participants)
    text = tw.report(
        {"one": fitted, "other": fitted}, tmp_path / "report.html", comparison=comparison, progress=False
    ).read_text("utf-8")
    brief, details = re.findall("<section.*?</section>", text, re.DOTALL)[0], text
    line = re.search(r"Comparison</a></dt>(.*?)</div>", brief, re.DOTALL)[1]
    assert "one ranks first" in line and "other -3.5 (standard error 2.2)" in line
    assert re.search(
        r'<dd class="bad"><span class="severity">Problem:</span>\s*one and other: not decided\.</dd>', line
    )
    assert re.search(r'<dd class="good">\s*a note\.</dd>', line)
    assert re.search(
        r'<li class="bad">.*?one and other: not decided: the difference is 1.6 standard errors. Collect more', details
    )
    assert re.search(r'<li class="good">\s*a note \(with a reason\)</li>', details)


@pytest.mark.parametrize("problems", [True, False])
@pytest.mark.parametrize("cautions", [True, False])
def test_a_box_about_draws_has_the_tone_of_their_problems(fitted, problems, cautions):
    from trialwise.analysis.diagnose import diagnose

    diagnosis = replace(
        diagnose(fitted),
        findings=(Finding("problem", "p", "the chains differ: much"),) * problems
        + (Finding("caution", "c", "the data are uninformative: about beta"),) * cautions,
    )
    subject = Subject("fit", fitted)
    subject.__dict__["diagnosis"] = diagnosis
    tone, brief, words = subject.assessment
    assert tone == ("bad" if problems else "good")
    assert ("can be relied on" in brief) == (not problems) and "the data are uninformative" not in words


def test_words_are_explained_once_where_they_first_occur(page, report_path):
    from trialwise.reports.glossary import TERMS, Glossary, Linked

    text = report_path.read_text("utf-8")
    linked = re.findall(r'<a class="term" href="#([^"]+)"', text)
    listed = re.findall(r'<div id="(word-[^"]+)"><dt>', text)
    assert sorted(linked) == listed and len(set(listed)) == len(listed)
    plain = {
        "", "what", "number", "column", "missing", "missed", "min", "mean", "max", "action", "share", "context", "trials", "set", "labels",
        "how", "role", "found in", "measure", "name", "description", "range", "value", "parameter", "participant", "observed", "first",
        "second", "level", "mean outcome", "alpha", "beta", "forget", "interval",
    }  # fmt: skip
    facts = [table for table in page.tables if table[0][0] in ("sampler", "call")]
    heads = {cell for table in page.tables if table not in facts for cell in table[0]} - {"QLearning(initial=1.2)"}
    heads |= {row[0] for row in facts[0]} - {"sampler", "time"}
    measures = {row[0] for table in page.tables if table[0][0] == "measure" for row in table[1:]}
    columns = {
        "elpd",
        "se",
        "difference",
        "se difference",
        "error",
        "p",
        "weight",
        "worst k",
        "bad k",
        "draws",
    }
    columns |= {
        "frequency",
        "exceedance",
        "protected",
        "aic",
        "bic",
        "within",
        "slope",
        "shrinkage",
        "unidentified",
        "away",
        "which",
    }
    measures = {each for each in measures if not each.startswith(("share of", "current", "previous", "other"))}
    for cell in (heads | measures | columns) - plain - {"difference", "draws"}:
        assert isinstance(Glossary().cell(cell)[0], Linked), cell
    assert len({term.anchor for term in TERMS}) == len(TERMS)


def test_a_word_of_a_sentence_is_linked_at_its_first_occurrence_only():
    from trialwise.reports.blocks import Section, Text
    from trialwise.reports.glossary import Glossary
    from trialwise.reports.page import page

    text = page("title", "", [Section("one", "One", [Text("R-hat of <chains>, R-hat."), Text("R-hat")])])
    first, second = re.findall(r"<p>(.*?)</p>", text)
    assert re.sub(' href="[^"]*" title="[^"]*"', "", first) == (
        '<a class="term">R-hat</a> of &lt;<a class="term">chains</a>&gt;, R-hat.'
    )
    assert second == "R-hat"
    glossary = Glossary()
    assert [len(glossary.cell("away")[0]) for _ in range(2)] == [2, 4] and list(glossary.used) == ["away"]
    assert glossary.text("far away from the weights") == ["far away from the weights"]


def test_names_of_parameters_are_no_words_of_the_glossary():
    """A parameter called ``slope`` or ``weight`` is not what tables of studies call so."""
    from trialwise.base.rows import Rows
    from trialwise.reports.blocks import Section, Table
    from trialwise.reports.page import page

    tables = [
        Table(Rows("estimates", ("parameter", "mean"), (("slope", "1"),))),
        Table(Rows("participants", ("participant", "weight"), (("error", "1"),)), labels=True),
        Table(Rows("measures", ("measure", "tail"), (("accuracy, block 1", "1"),))),
        Table(Rows("facts", ("", "bias"), (("R-hat", "1"),)), facts=True),
    ]
    text = page("title", "", [Section("one", "One", tables)])
    assert re.findall(r'class="term"[^>]*>([^<]*)</a>', text) == ["tail", "accuracy, block 1", "R-hat"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast(theme, report_path):
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    style = report_path.read_text("utf-8").split("</style>")[0]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", style.split(":root")[1 if theme == "light" else 2]))
    light = {name: luminance(colour) for name, colour in colours.items()}
    for text in ("ink", "soft", "link", "careful", "bad", "good"):
        for behind in ("paper", "shade", *(f"{each}-shade" for each in ("good", "careful", "bad") if text == "ink")):
            dark, bright = sorted([light[text], light[behind]])
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, behind)


def luminance(colour):
    """Relative luminance of a colour in hexadecimal."""
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_pictures_are_small_and_stored_once(page, report_path):
    sources = [each["src"] for each in page.named("img")]
    assert len(set(sources)) == len(sources) == 5
    assert len(report_path.read_bytes()) < 600_000
    for source in sources:
        longest = max(each.get("d", "").count("L") for each in drawn(source).iter())
        assert 1 < longest < 400  # longer lines are pixels


def test_headings_and_pictures_can_be_read_aloud(page):
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    assert page.named("html") == [{"lang": "en"}]
    assert all(each["alt"] and each["width"] and each["height"] for each in page.named("img"))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    assert {each["href"][1:] for each in page.named("a") if each["href"].startswith("#")} <= set(identifiers)


def test_only_the_participants_of_a_fit_are_listed(fitted, tmp_path, without_pictures):
    mapping = {"participant": "column 'who' (recognised), 30 labels", "choice": "column 'choice', 3 levels 0, 1, 2"}
    part = Fit(fitted.tree, fitted.learner, replace(fitted.trials, mapping=mapping), {})
    page = parsed_report(tmp_path, {"ours, the first": part})
    columns = dict(page.table(("role", "found in"))[1:])
    labels = ", ".join(map(str, fitted.trials.participants))
    assert columns["participant"] == f"column 'who' (recognised); 8 fitted: {labels}"
    assert columns["choice"] == mapping["choice"]
    assert "ours" not in page.sections["methods"]  # what the fit is called here is no name of a learner
    assert "QLearning (fitted as “ours, the first”)" in page.sections["learners"]


def test_the_file_is_self_contained(page, report_path):
    for tag, attributes in page.elements:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name == "src":
                assert value.startswith("data:image/svg+xml,")
            elif name == "href":
                assert value.startswith(("#", "https://"))
            elif "http" in (value or ""):
                pytest.fail(f"{tag} {name}={value}")
    text = report_path.read_text("utf-8")
    assert "url(" not in re.sub('"data:[^"]*"', "", text) and "@import" not in text
    assert all(each["alt"] for each in page.named("img")) and len(page.named("img")) == 5
    assert [each for each in report_path.parent.iterdir() if each != report_path] == []


def test_labels_are_escaped(evil):
    text = evil.read_text("utf-8")
    page = Page(text)
    assert not page.named("script") and not page.named("i") and not page.named("b")
    assert all("onerror" not in each for each in page.named("img"))
    labels = [row[0] for row in page.table(("participant", "trials"))[1:]]
    assert labels == EVIL
    for label in (SCRIPT, "<b>left</b>", "$5 or $6"):
        assert label in page.text


@pytest.mark.browser
def test_labels_are_not_run_in_a_browser(evil):
    result = probe_page(evil, 800)
    assert result["ran"] == 0 and all(label in result["text"] for label in EVIL)
    bare = evil.with_name("bare.html")
    bare.write_text(f"<!doctype html><meta charset=utf-8><body>{SCRIPT}</body>")
    assert probe_page(bare, 800)["ran"] == 1  # the probe detects scripts that run


def test_labels_in_pictures_are_text(fitted):
    draws = np.random.default_rng(1).normal(size=(2, 50))

    def plot(width):
        figure = Figure(figsize=(width, 2))
        axis = figure.subplots()
        axis.plot(draws[0])
        axis.set_title("".join(EVIL))
        return figure

    picture = pictures.picture(plot, "alt", "caption")
    svg = drawn(picture.source)
    tags = {each.tag.split("}")[1] for each in svg.iter()}
    assert "script" not in tags and "image" not in tags
    assert "".join(EVIL) in "".join(svg.itertext())


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_renders_it_without_overflow(report_path, width):
    result = probe_page(report_path, width)
    assert result["overflow"] <= width
    assert len(result["pictures"]) == 5
    for each in result["pictures"]:
        assert each["loaded"] > 0 and each["displayed"] > 500  # legible also where the page is narrower
    assert len(result["displayed"]) == 2
    assert min(result["displayed"]) > 35  # lines of equations are placed below each other


def test_it_can_be_printed(report_path, tmp_path):
    run(tmp_path, f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer", report_path.as_uri())
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and 4 <= pdf.count(b"/Type /Page\n") <= 8


def test_a_fit_without_its_learner(fitted, tmp_path, without_pictures):
    source = f'''@learner
class Mine:
    r"""A learner {SCRIPT} of mine (Me, 2020), **bold** and ``x < y``.

    .. math::

        V &\\leftarrow V + \\alpha \\href{{javascript:ran=1}}{{x}} \\\\
        W &= \\unicode{{<script>}} \\style{{color:red}}{{y}} \\undefined{{
    """
'''
    attributes = {"learner_name": "Mine", "learner": "Mine()", "learner_source": source}
    relabelled_fit = relabelled(fitted, fitted.trials.participants, **attributes)
    relabelled_fit.save(tmp_path / "mine.nc")
    loaded = tw.load(tmp_path / "mine.nc")
    assert loaded.learner is None
    text = tw.report(loaded, tmp_path / "mine.html").read_text("utf-8")
    page = Page(text)
    assert not page.named("script") and "javascript" not in str(page.named("a"))
    assert not [
        value
        for tag, attributes in page.elements
        for value in attributes.values()
        if (value or "").startswith("javascript")
    ]
    assert f"A learner {SCRIPT} of mine" in page.text and page.named("strong") and page.named("math")
    assert "class Mine:" in page.text
    assert page.table(("name", "description", "range"))[1] == ["alpha", "learning rate", "0 to 1"]
    assert page.table(("parameter", "scale", "group mean"))[1][2] == "Normal(-1, 1.5)"
    for hint in ("checks=environment", "truth=parameters"):
        assert hint in page.text
    del loaded.tree.attrs["learner_fields"]
    bare = parsed_report(tmp_path, loaded)
    assert "Free parameters: alpha, beta, forget" in bare.text and "give the learner when loading it" in bare.text


@pytest.mark.sample
def test_a_hidden_choice_and_several_fits(fitted, tmp_path, without_pictures):
    sets = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    values = {"alpha": 0.3, "beta": 2, "forget": 0.02}
    trials = tw.simulate(sets, tw.environments.AlienTask(trials=30), values, participants=2, seed=1).trials
    hidden = tw.fit(sets, trials, draws=20, chains=2, seed=1, progress=False)
    page = parsed_report(tmp_path, {"flat": fitted, "sets": hidden})
    sections = {name: " ".join(text.split()) for name, text in page.sections.items()}
    assert "How do" not in sections["question"]  # the data differ
    assert "Data of flat" in sections["data"] and "Data of sets" in sections["data"]
    assert "particle filter" in sections["methods"] and "Particle Markov chain Monte Carlo" in sections["citations"]
    assert "alpha_high was equal to alpha" in sections["methods"] and "sets was set to 3" in sections["methods"]
    assert re.search(rf"particles of a filter\W*{hidden.attrs['particles_of_a_filter']}\b", sections["sampling"])
    rarest = min(json.loads(hidden.attrs["renewal"]))
    assert re.search(rf"at the trial where it is rarest\W*{rarest:.1%} of draws", sections["sampling"])


@dataclass(frozen=True)
class FakeResult:
    """The part of a study or comparison that a report uses."""

    table: pd.DataFrame
    findings: tuple = ()
    method: str = ""
    participants: pd.DataFrame | None = None
    frequencies: pd.DataFrame | None = None
    effects: tuple = ()

    def plot(self, **how):
        return Figure()


class FakeComparison(FakeResult, tw.results.Comparison):
    """One that ``report`` accepts as a comparison."""


def test_studies_and_comparisons_are_reported(fitted, tmp_path, without_pictures):
    finding = Finding("note", "recovered", "alpha comes back <well>")
    study = FakeResult(pd.DataFrame({"correlation": [0.9, 0.5]}, index=["alpha", "beta"]), (finding,))
    participants = pd.DataFrame({"winner": ["one", "other", "one"], "one": [0.0, -2.0, 0.0]}, index=[SCRIPT, "b", "c"])
    shares = pd.DataFrame({"frequency": [0.6, 0.4]}, index=["one", "other"])
    comparison = FakeComparison(
        pd.DataFrame({"elpd": [-10.0, -12.5]}, index=["one", "other"]),
        (Finding("caution", "few", "few of them"),),
        "participant",
        participants,
        shares,
    )
    both = {"one": fitted, "other": fitted}
    page = parsed_report(tmp_path, both, recovery={"other": study}, comparison=comparison)
    sections = {name: " ".join(text.split()) for name, text in page.sections.items()}
    assert "How do one and other compare?" in sections["question"]
    assert "alpha comes back <well>" in sections["recovery"] and "one" not in sections["recovery"].split()
    assert "one ranks first; it is the best for 2 of 3 participants" in sections["comparison"]
    assert "few of them" in sections["comparison"] and SCRIPT in sections["comparison"] and not page.named("script")
    assert page.table(("learner", "elpd"))[2] == ["other", "-12.5"]
    assert page.table(("learner", "frequency"))[1] == ["one", "0.6"]
    assert "comparison=compare(fits)" in parsed_report(tmp_path, both).sections["comparison"]


def test_other_poolings(fitted, tmp_path, without_pictures):
    separate = relabelled(fitted, fitted.trials.participants, pooling="none")
    page = parsed_report(tmp_path, separate)
    assert "Participants were fitted separately" in page.text and len(page.table(("participant", "trials"))) == 9
    assert (
        "Each participant was fitted separately, with priors on the unconstrained scale: logit(alpha) ~ Normal(-1, 1.8)"
        in page.text
    )
    tree = fitted.tree.copy()
    pooled = tree["posterior"].to_dataset().mean("participant")
    tree["posterior"] = type(tree)(pooled)
    tree.attrs["pooling"] = "complete"
    shared = parsed_report(tmp_path, Fit(tree, fitted.learner, fitted.trials, {}))
    assert "shared by all participants" in shared.text and "All participants shared one set" in shared.text


def test_invalid_arguments(fitted, check, tmp_path):
    for argument, message in (([], "no fit"), ([1], "int among the fits")):
        with pytest.raises(tw.errors.UsageError, match=message):
            tw.report(argument, tmp_path / "x.html")
    with pytest.raises(tw.errors.UsageError, match="checks: one value for 2 fits"):
        tw.report([fitted, fitted], tmp_path / "x.html", checks=check)
    with pytest.raises(tw.errors.UsageError, match=r"no fit of that name; there are 'a'"):
        tw.report({"a": fitted}, tmp_path / "x.html", checks={"b": check})
    with pytest.raises(tw.errors.UsageError, match='or "one-step"'):
        tw.report(fitted, tmp_path / "x.html", checks="twostep")
    assert not (tmp_path / "x.html").exists()


def test_on_the_command_line(fitted, small, tmp_path, without_pictures):
    fitted.save(tmp_path / "fit.nc")
    small.parameters.to_csv(tmp_path / "true.csv", index=False)
    arguments = [
        str(tmp_path / "fit.nc"),
        "-o",
        str(tmp_path / "out.html"),
        "--truth",
        str(tmp_path / "true.csv"),
        "--check",
        "--datasets",
        "2",
        "--title",
        "Ours",
    ]
    result = CliRunner().invoke(app, ["report", *arguments])
    assert result.exit_code == 0, result.output
    page = Page((tmp_path / "out.html").read_text("utf-8"))
    assert (
        "Ours" in page.text
        and "2 data sets were simulated one step ahead, drawing each choice given the real past" in page.text
    )
    assert "true parameters are known" in page.text
    unnamed = CliRunner().invoke(app, ["report", str(tmp_path / "fit.nc"), str(tmp_path / "fit.nc")])
    assert unnamed.exit_code == 2 and "name them, e.g. first=" in " ".join(unnamed.output.split())


def test_equations_between_empty_lines_are_lines_of_their_own():
    rows = ElementTree.fromstring(mathml.displayed(r"a &= b \\ c &= d" + "\n\n    " + r"e &= f")).findall(".//mtr")
    assert ["".join("".join(row.itertext()).split()) for row in rows] == ["a=b", "c=d", "e=f"]


def test_docstrings_are_split_into_parts():
    split = parts("First\n line.\n\n.. math::\n\n    a &= b \\\\\n    c\n\nLast with :math:`x`.")
    assert split == [("First line.", False), ("a &= b \\\\\n    c", True), ("Last with :math:`x`.", False)]
    assert lines(split[1].text) == [["a", "= b"], ["c"]]
    marks = list(pieces("a ``b < c`` :class:`~m.N` :math:`z` **s** *e* 2*3*4"))
    assert [each for each in marks if each.kind != "text"] == [
        ("b < c", "code"), ("m.N", "name"), ("z", "math"), ("s", "strong"), ("e", "emphasis"),
    ]  # fmt: skip
    assert str(prose("``a < b`` & c")) == "<code>a &lt; b</code> &amp; c"


@pytest.mark.parametrize("name", [name for name in BUILT_IN if ".. math::" in BUILT_IN[name].__doc__])
def test_equations_of_every_learner_become_mathml(name):
    docstring = BUILT_IN[name].__doc__
    equations = [text for text, is_equation in parts(docstring) if is_equation]
    for text in equations:
        svg = ElementTree.fromstring(mathml.displayed(text))
        assert len(svg.findall(".//mtr")) == len(lines(text))
        assert "\\" not in "".join(svg.itertext())
        assert not [each for each in svg.iter("mi") if each.get("mathvariant") == "normal" and len(each.text) > 1]
    assert "\\" not in "".join(ElementTree.fromstring(mathml.inline(symbol("alpha_high"))).itertext())

"""Equations in the terminal: no TeX remains, for any learner and any command."""

import re

import pytest

from trialwise.cli.output.equations import plain, sections
from trialwise.learners import BUILT_IN
from trialwise.learners.docstring import GREEK, parts, pieces


def docstring(name):
    kind = BUILT_IN[name]
    return (kind if isinstance(kind, type) else type(kind)).__doc__


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_tex_remains(name):
    source = [text for text, is_equation in parts(docstring(name)) if is_equation]
    source += [piece for text, eq in parts(docstring(name)) if not eq for piece, kind in pieces(text) if kind == "math"]
    words = set(re.findall(r"\\([A-Za-z]+)", " ".join(source))) - {"arg", "exp", "log", "max"}
    for text, is_equation in sections(docstring(name)):
        assert "\\" not in text and not re.search("[{}]", text)
        if is_equation:
            assert "&" not in text
            assert not words & set(re.findall("[A-Za-z]+", text)), text
        assert not re.search("[₀-₉ₐ-ₜᵢᵣᵤᵥ][a-z]", text), f"a word is half a subscript: {text}"


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"p(z) \propto \exp(\beta_\mathrm{high} H)", "p(z) ∝ exp(β_high H)"),
        (r"\beta_{\mathrm{test}} x_{10} + a_i^2", "β_test x₁₀ + aᵢ²"),
        (r"\textstyle\sum_k \bigl( w_k \bigr)", "Σₖ ( wₖ )"),
        (r"\tfrac{1}{2} \operatorname{logit}(x)", "(1) / (2) logit(x)"),
        (r"\displaystyle\foo x \rightarrow y^{t+1}", "x → y^(t+1)"),
        (r"x_{i,j}", "x_(i,j)"),
    ],
)
def test_commands(latex, shown):
    assert re.sub(" +", " ", plain(latex)).strip() == shown


def test_all_greek_letters():
    assert all(plain(rf"\{name}") == letter for name, letter in GREEK.items())

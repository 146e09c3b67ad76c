"""Formulas: their terms are those of an expansion written out here; nothing is run, nothing is misread in silence."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trialwise.base.errors import UsageError
from trialwise.population.designs.calls import Call, checked_call
from trialwise.population.designs.formula import parse_formulas


def parsed(text, parameter="alpha"):
    return parse_formulas({parameter: text}, ["alpha", "beta"])[parameter]


def terms(part):
    return {frozenset(atom.label for atom in term) for term in part.terms}


# -- an expansion of our own: sets of products -----------------------------------------------------------------------


def expand(tree):
    """The products that a tree of operators stands for, in their order."""
    if isinstance(tree, str):
        return [frozenset([tree])]
    operator, left, right = tree[0], expand(tree[1]), expand(tree[2])
    if operator == "+":
        result = left + right
    elif operator == "-":
        result = [each for each in left if each not in right]
    elif operator == ":":
        result = [a | b for a in left for b in right]
    elif operator == "*":
        result = left + right + [a | b for a in left for b in right]
    else:  # b within all of a
        result = left + [frozenset().union(*left) | b for b in right]
    return list(dict.fromkeys(result))


PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, ":": 3}


def written(tree, above=0, right=False):
    """A tree as text, with the parentheses that it needs."""
    if isinstance(tree, str):
        return tree
    own = PRECEDENCE[tree[0]]
    text = f"{written(tree[1], own)} {tree[0]} {written(tree[2], own, True)}"
    return f"({text})" if own < above or (own == above and right) else text


TREES = st.recursive(
    st.sampled_from("abcd"), lambda inner: st.tuples(st.sampled_from("++-*/:"), inner, inner), max_leaves=6
)


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_terms_are_those_of_our_own_expansion(tree):
    expected = expand(tree)
    if "-" in repr(tree) and any(not expand(part) for part in subtrees(tree)):
        return  # an empty part, of which a product has no meaning
    try:
        part = parsed(written(tree)).common
    except UsageError as error:  # known: products of equal sums, the right side of / that is a product, what is removed in another order
        assert "write out its terms" in str(error) and any(f"{operator}'" in repr(tree) for operator in "*/-")
        return
    assert part.intercept and terms(part) == set(expected)
    assert len(part.terms) == len(expected) and [len(t) for t in part.terms] == sorted(map(len, expected))


@pytest.mark.parametrize("text", ["(a + b) * (a + b)", "d * (a + c) - a:d", "(a + b) / (c * d)", "b / a - a / b"])
def test_what_libraries_read_in_different_ways_is_refused(text):
    with pytest.raises(UsageError, match="write out its terms"):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "a * b",
        "a + b:c",
        "a * b * c",
        "a * (b + c)",
        "a / b",
        "a / b / c",
        "(a + b):c",
        "(a + b + c) - b",
        "a * b - a",
        "a * b - a:b",
    ],
)
def test_common_formulas_are_read(text):
    tree = {"a * b": ("*", "a", "b")}.get(text)
    assert tree is None or terms(parsed(text).common) == set(expand(tree))
    parsed(f"0 + {text} + (1 | participant)")


def subtrees(tree):
    yield tree
    if not isinstance(tree, str):
        yield from subtrees(tree[1])
        yield from subtrees(tree[2])


# -- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formulas", ["alpha ~ group * age", ["alpha~group*age"], {"alpha": "group * age"}])
def test_formulas_are_a_text_a_list_or_a_dict(formulas):
    result = parse_formulas(formulas, ["alpha", "beta"])
    assert list(result) == ["alpha", "beta"] and not result["beta"].atoms
    assert terms(result["alpha"].common) == {frozenset(t) for t in (["group"], ["age"], ["group", "age"])}


def test_intercepts():
    for text, intercept in [
        ("a", True),
        ("1 + a", True),
        ("0 + a", False),
        ("a - 1", False),
        ("-1 + a", False),
        ("a + 0", False),
        ("1", True),
    ]:
        assert parsed(text).common.intercept is intercept, text


def test_the_part_of_participants():
    formula = parsed("session + (0 + session | participant)")
    assert not formula.own.intercept and terms(formula.own) == {frozenset(["session"])}
    assert terms(formula.common) == {frozenset(["session"])} and formula.common.intercept
    assert parsed("a + (a | participant)").own.intercept
    assert parsed("a + (1 | participant)").own.terms == () and parsed("a").own is None


def test_names_and_calls():
    formula = parsed("`my age` + site.2 + naïve + C(group, Treatment('x'))*log( age )")
    assert {atom.label for atom in formula.atoms} == {
        "my age", "site.2", "naïve", "C(group, Treatment('x'))", "log(age)"
    }  # fmt: skip
    assert [atom.columns for atom in formula.atoms if atom.call] == [("group",), ("age",)]


def test_spreads():
    result = parse_formulas(["alpha ~ age", "alpha_sd ~ group * sex"], ["alpha"])["alpha"]
    assert [atom.label for atom in result.spread] == ["group", "sex"] and result.spread_text == "group * sex"
    with pytest.raises(UsageError, match="part of participants"):
        parse_formulas(["alpha ~ age + (1 | participant)", "alpha_sd ~ group"], ["alpha"])


def test_all_formulas_with_problems_are_named_at_once():
    with pytest.raises(UsageError) as error:
        parse_formulas({"alhpa": "a", "beta": "a ** 2", "alpha": "a b"}, ["alpha", "beta"])
    lines = str(error.value).splitlines()
    assert len(lines) == 3 and "Did you mean 'alpha'? The free parameters are alpha, beta." in lines[0]
    assert all(name in line for name, line in zip(["alhpa ~ a", "beta ~ a ** 2", "alpha ~ a b"], lines, strict=True))


@pytest.mark.parametrize("wrong", ["group", ["alpha ~ a", "beta"], {"alpha": 1}, {1: "a"}, [3]])
def test_what_is_no_formula(wrong):
    with pytest.raises(UsageError, match=r"formulas="):
        parse_formulas(wrong, ["alpha", "beta"])


def test_two_formulas_of_one_parameter():
    with pytest.raises(UsageError, match="join their terms"):
        parse_formulas(["alpha ~ a", "alpha ~ b"], ["alpha"])


# -- misread, or without meaning -------------------------------------------------------------------------------------

MISREAD = {
    "a ** 2": "poly", "(a + b) ** 2": "a\\*b", "a % b": "a:b", "a %in% b": "a/b", "a b": "'b' has no meaning", "a and b": "'and'",
    "a in b": "'in'", "a // b": "two operators|no meaning", "a ! b": "'!'", "a, b": "joined by \\+", "a + 2": "number 2", "2 * a": "number 2", "1.5": "1.5",
    "'a'": "no meaning", '"a"': "no meaning", "a | participant": "parentheses", "a + b | participant": "parentheses",
    "(a | b | participant)": "two \\||only", "(a | participant + b)": "one name", "(a | participant:b)": "one name", "(a | participant) * b": "product",
    "b:(1 | participant)": "by itself", "a - (1 | participant)": "by itself", "((1 | participant))": "by itself", "(1 || participant)": "correlated=False",
    "(1 | stimulus)": "no longer be independent", "(1 | subject)": r"write \(\.\.\. \| participant\)", "1:a": "intercept", "a * 1": "intercept",
    "a:0": "intercept", "a - 0": "intercept", "(0 + a) * b": "intercept", "-a": "sign", "a + - b": "sign", "a + + b": "sign", "+a": "sign", "a -": "missing",
    "a +": "missing", "a :": "missing", "a *": "missing", "(a": "not closed", "a)": "'\\)'", "()": "'\\)'", "": "nothing stands", "0": "nothing is left", "a - a - 1": "nothing is left",
    "a ~ b": "one ~", "a[1]": "addressed", "_a": "backquotes", "a == 1": "joined by", "a < 1": "'<'", "~a": "one ~", "{a}": "'{'", "a ^ 2": "poly",
    "1e-3": "no meaning", "2a": "no meaning", "`a": "no meaning", "``": "no meaning", "a; b": "';'", "a # b": "'#'", "a\\b": "no meaning", "a @ b": "'@'",
    "(a)(b)": "no meaning", "a(b)": "Not a\\(\\)", "a if b else c": "'if'", "lambda: 1": "intercept",
    "a*b*c*d*e*f*g*h*i": "too many products", "(a+b)*(c+d)*(e+f)*(a+b):(c+d):(e+f):(a+b):(c+d)": "too many", " + ".join(["a"] * 200): "too many",
    "a" * 1001: "longer than",
}  # fmt: skip


@pytest.mark.parametrize("text", MISREAD)
def test_what_has_no_meaning_is_refused(text):
    with pytest.raises(UsageError, match=MISREAD[text]):
        parsed(text)


def test_a_name_with_spaces_and_a_comparison_are_answered_by_what_to_do():
    for text in ("total score", "a + total score", "score 2"):
        with pytest.raises(UsageError, match="a name with spaces stands between backquotes, `total score`"):
            parsed(text)
    assert "total score" in str(parsed("a + `total score`"))
    for text in ("age > 30", "age < 30"):
        with pytest.raises(UsageError, match="make a column of it in the table"):
            parsed(text)


ATTACKS = [
    "__import__('os').system('true')", "log(__import__('os'))", "I(__import__)", "eval('1')", "exec('1')", "open('x')", "np.log(a)", "log.__class__(a)",
    "I(a.__class__)", "I(a.real)", "a.__class__.__mro__()", "I(a[0])", "I((lambda: a)())", "I([b for b in a])", "I(a if a else b)", "I({a: b})",
    "I(f'{a}')", "I('os')", "I(\"x'+open(1)+'\")", "C(a, open('x'))", "C(a, Treatment(open('x')))", "C(open('x'))", "C(a, Treatment.mro)", "C(a, levels=b)",
    "C(a.b)", "C(log(a))", "T(a, b)", "S(a, (b))", "I(a := b)", "I(*a)", "log(**a)", "I(a, out=b)", "log(a, b)", "poly(a, b)", "poly(a, 99999)", "poly(a, -1)",
    "bs(a, 4, knots=b)", "bs(a, 1.5)", "bs(a, 1000000)", "I(print(a))", "I(await_(a))", "I(a @ b)", "I(a // b)", "I(a % b)", "I(a << b)", "I(not_(a))", "I(a and b)",
    "I(a == b)", "I(True)", "I(None)", "I(...)", "I()", "log()", "I(1)", "log(poly(a, 2))", "I(C(a))", "center(a)(b)", "log(a)(b)", "log(a).b()", "log(a)[0]",
    "binary(a)", "offset(a)", "proportion(a, b)", "getattr(a, 'b')", "I(getattr(a, b))", "Treatment(a)", "log(`a`)", "I" + "(" * 300 + "a" + ")" * 300,
    "log(a))(", "I(a\n)(b)", "I(a;b)", "I(a#)\n)",
]  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_else_can_be_called(text, monkeypatch):
    ran = []
    for name in ("system", "getcwd"):
        monkeypatch.setattr(f"os.{name}", lambda *_: ran.append(1))
    with pytest.raises(UsageError):
        parsed(text)
    with pytest.raises(UsageError):
        parsed(f"b + {text}")
    assert not ran


@settings(max_examples=1500, deadline=None)
@given(st.text(st.sampled_from("ab10 +-*/:|()~.,='\"`_[]{}\\\n%^logICTS"), max_size=25))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        formula = parsed(text)
    except UsageError:
        return
    assert formula.common.intercept or formula.common.terms


def test_calls_of_our_list_are_not_run_by_python():
    """Powers of whole numbers would never end."""
    call = checked_call("I(9 ** 9 ** 9 ** 9 + a)")
    assert not np.isfinite(call.evaluate({"a": np.arange(3.0)}, {"a": np.arange(3.0)})).any()


# -- values of calls -------------------------------------------------------------------------------------------------

X = np.random.default_rng(3).uniform(1, 9, 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I(x ** 2 - 3 * -x / 2)", X**2 + 1.5 * X), ("I(-x ** 2)", -(X**2)), ("I(2 ** 3 ** 2 + 0 * x)", 512 + 0 * X), ("log(x)", np.log(X)),
        ("log1p(x)", np.log1p(X)), ("sqrt(x)", X**0.5), ("exp(log(x))", X), ("center(x)", X - X.mean()), ("scale(x)", (X - X.mean()) / X.std(ddof=1)),
        ("scale(log(x))", (np.log(X) - np.log(X).mean()) / np.log(X).std(ddof=1)),
    ],
)  # fmt: skip
def test_values_of_calls(text, expected):
    call = checked_call(text)
    np.testing.assert_allclose(call.evaluate({"x": X}, {"x": X})[:, 0], expected, rtol=1e-12, atol=1e-12)
    at = call.evaluate({"x": X}, {"x": X[:2]})  # what was remembered does not depend on where it is evaluated
    np.testing.assert_allclose(at[:, 0], expected[:2], rtol=1e-12, atol=1e-12)


def test_polynomials_are_orthonormal_and_remembered():
    call = checked_call("poly(x, 3)")
    columns = call.evaluate({"x": X}, {"x": X})
    np.testing.assert_allclose(columns.T @ columns, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(columns.sum(0), 0, atol=1e-10)
    for degree in (1, 2, 3):  # the column of a degree is a polynomial of it
        fitted = np.polynomial.Polynomial.fit(X, columns[:, degree - 1], degree)
        np.testing.assert_allclose(fitted(X), columns[:, degree - 1], atol=1e-9)
        np.testing.assert_allclose(
            call.evaluate({"x": X}, {"x": np.array([0.0, 12.0])})[:, degree - 1],
            fitted(np.array([0.0, 12.0])),
            atol=1e-7,
        )


def test_splines_span_those_of_the_knots():
    call = checked_call("bs(x, 5)")
    columns = call.evaluate({"x": X}, {"x": X})
    assert columns.shape == (30, 5)
    knots = np.quantile(X, [1 / 3, 2 / 3])
    truncated = np.stack([np.ones(30), X, X**2, X**3, *(np.maximum(X - k, 0) ** 3 for k in knots)], 1)
    both = np.concatenate([np.ones((30, 1)), columns], 1)
    assert np.linalg.matrix_rank(np.concatenate([both, truncated], 1)) == np.linalg.matrix_rank(both) == 6


def test_contrasts_of_calls():
    for text, contrast in [
        ("C(g)", None), ("C(g, Treatment)", ("Treatment", None)), ("C(g, Treatment('x'))", ("Treatment", "x")), ("C(g, Sum(3))", ("Sum", 3)),
        ("C(g, contrast=Treatment(reference='x'))", ("Treatment", "x")), ("T(g)", ("Treatment", None)), ("T(g, ref='x')", ("Treatment", "x")),
        ("S(g, 'x')", ("Sum", "x")),
    ]:  # fmt: skip
        call = checked_call(text)
        assert isinstance(call, Call) and call.contrast == contrast and call.columns == ("g",), text

"""Every public docstring: its example runs; arguments, results and errors are described."""

import ast
import doctest
import functools
import inspect
import re
import sys
import types

import numpy as np
import pytest

import trialwise as tw
from trialwise.learners import BUILT_IN
from trialwise.learners.learner import Learner

NAMESPACES = ("learners", "environments", "functions", "behaviour", "errors", "results")

RECORDS = {"LoadedData", "Noise"}
"""Named tuples, whose inherited methods need no description."""

SHOWN_IN_REPORTS = {"Learner.with_lapse", "Learner.with_stickiness"}
"""Reports quote these docstrings in full as descriptions of the model, so that they have no sections."""

OF_LEARNERS = {"fix", "tie", "vary", "with_lapse", "with_stickiness"}
"""The methods of learners that users call; the library calls the others."""

CANNOT_RAISE = {"AlienTask.potential"}
"""Calls a function that could raise an error, with arguments that were checked when the object was created."""

SAMPLING = ("tw.fit(", "tw.recover(", "tw.calibrate(", "tw.confuse(", "tw.report(")


def public():
    """Public functions and classes by name. Built-in learners have separate pages, whose examples are also tested."""
    objects = {name: getattr(tw, name) for name in tw.__all__}
    for space in NAMESPACES:
        module = getattr(tw, space)
        names = dir(module) if "__dir__" in vars(module) else module.__all__
        objects |= {name: getattr(module, name) for name in names}
    described = {name: each for name, each in objects.items() if callable(each) and name not in BUILT_IN}
    return described | {"Learner": Learner}


PUBLIC = public()


def methods(name, cls):
    """Public methods that the class itself defines."""
    defined = {each: f for each, f in vars(cls).items() if isinstance(f, types.FunctionType) and each[0] != "_"}
    if name == "Learner":
        defined = {each: f for each, f in defined.items() if each in OF_LEARNERS}
    return {f"{name}.{each}": f for each, f in defined.items()} if name not in RECORDS else {}


METHODS = {full: f for name, each in PUBLIC.items() if inspect.isclass(each) for full, f in methods(name, each).items()}
CALLABLE = {**PUBLIC, **{name: f for name, f in METHODS.items() if name not in SHOWN_IN_REPORTS}}
FUNCTIONS = {name: f for name, f in CALLABLE.items() if not inspect.isclass(f)}


def section(docstring, *titles):
    """The text of the sections with the given titles."""
    parts = re.split(r"^(\w+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return "\n".join(text for title, text in zip(parts[1::2], parts[2::2], strict=True) if title in titles)


def entries(text):
    """The names of a section's entries, from lines such as ``draws, tune`` and ``problems : tuple of Problem``."""
    lines = [line.split(" : ")[0] for line in text.splitlines() if re.match(r"[\w*]", line)]
    return {name.strip(" *") for line in lines for name in line.split(",")}


def docstrings(each):
    """The docstring; for a class also those of its base classes, which describe inherited arguments."""
    classes = each.__mro__ if inspect.isclass(each) else [each]
    return [inspect.cleandoc(cls.__doc__) for cls in classes if cls.__doc__ and cls.__module__.startswith("trialwise")]


def arguments(each):
    return [name for name in inspect.signature(each).parameters if name != "self"]


def with_examples():
    result = []
    for name, each in CALLABLE.items():
        text = section(docstrings(each)[0], "Examples")
        if text:
            marks = [pytest.mark.sample] if any(verb in text for verb in SAMPLING) else []
            result.append(pytest.param(name, text, id=name, marks=marks))
    return result


@pytest.mark.parametrize(("name", "text"), with_examples())
def test_example_runs(name, text, tmp_path, monkeypatch):
    """Files are written to a temporary folder; ``tw`` and ``np`` are imported."""
    monkeypatch.chdir(tmp_path)
    printed = []
    test = doctest.DocTestParser().get_doctest(text, {"tw": tw, "np": np, "__name__": "example"}, name, name, 0)
    assert test.examples and not any(doctest.SKIP in example.options for example in test.examples)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test, out=printed.append).failed == 0, "".join(printed)


@pytest.mark.parametrize("name", PUBLIC)
def test_there_is_an_example(name):
    assert ">>> " in section(docstrings(PUBLIC[name])[0], "Examples")


@pytest.mark.parametrize("name", CALLABLE)
def test_arguments_are_described(name):
    described = entries("\n".join(section(text, "Parameters", "Attributes") for text in docstrings(CALLABLE[name])))
    assert not {*arguments(CALLABLE[name])} - described


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_described(name):
    """There is a section on the returned value, unless there are no arguments and the first line describes it."""
    each = FUNCTIONS[name]
    text = docstrings(each)[0]
    returns = inspect.signature(each).return_annotation
    assert section(text, "Returns").strip() or returns == "None" or not arguments(each)


@pytest.mark.parametrize("name", CALLABLE)
def test_errors_are_named(name):
    """Errors of the library raised by a function or by functions of the same module that it calls."""
    each = CALLABLE[name]
    constructors = ("__init__", "__post_init__") if inspect.isclass(each) else ()
    called = [f"{each.__qualname__}.{method}" for method in constructors] or [each.__qualname__]
    raised = {error for function in called for error in raises_of(each.__module__, function)}
    named = section(docstrings(each)[0], "Raises")
    assert name in CANNOT_RAISE or not [error for error in raised if error not in named]


@functools.cache
def functions_of(module):
    """The functions of a module by qualified name."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    result = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        result |= {f"{cls.name}.{node.name}": node for node in cls.body if isinstance(node, ast.FunctionDef)}
    return result


def raises_of(module, name, seen=()):
    """Names of the library's errors that a function of a module raises."""
    functions, errors = functions_of(module), {*tw.errors.__all__} - {"Problem"}
    if name not in functions or name in seen:
        return set()
    owner = name.rpartition(".")[0]
    result = set()
    for node in ast.walk(functions[name]):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            result |= {ast.unparse(node.exc.func)} & errors
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            called = f"{owner}.{called[5:]}" if called.startswith("self.") else called
            result |= raises_of(module, called, (*seen, name))
    return result


@pytest.mark.parametrize(
    "name", [name for name, each in PUBLIC.items() if inspect.isclass(each) and each is not Learner]
)
def test_first_lines_of_properties_have_no_type(name):
    """The site interprets text before a colon as the type."""
    for each in vars(PUBLIC[name]).values():
        if isinstance(each, property | functools.cached_property) and each.__doc__:
            first = re.sub(r"``.*?``|:\w+:`.*?`", "", each.__doc__.splitlines()[0])
            assert ":" not in first, first

"""The namespace of results contains every class of results."""

import importlib
import pkgutil

import trialwise as tw
from trialwise.base.result import Finding, Result


def subclasses(kind):
    """A class and all classes derived from it."""
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def test_every_class_of_results_is_in_the_namespace():
    for module in pkgutil.walk_packages(tw.__path__, "trialwise."):
        if ".plots" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    own = [each for each in subclasses(Result) if each.__module__.startswith("trialwise.")]
    defined = {each.__name__ for each in own if not {*own} & {*each.__subclasses__()}} | {
        "Result"
    }  # others are what several have in common
    assert set(tw.results.__all__) == defined | {Finding.__name__, tw.results.LoadedData.__name__}
    assert all(hasattr(tw.results, name) for name in tw.results.__all__)


def test_namespaces_list_their_own_names():
    assert set(dir(tw.errors)) == set(tw.errors.__all__)

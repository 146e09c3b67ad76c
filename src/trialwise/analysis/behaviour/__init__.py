"""Measures of behaviour: learning curves, choices after a switch, regressions on values, measures of single tasks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

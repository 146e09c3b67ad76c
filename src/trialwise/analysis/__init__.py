"""Analyses of data and fits: inspection, diagnosis, predictions, checks, comparison, behaviour, conformance of learners."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""trialwise: Bayesian models of how people learn, trial by trial.

The public names are listed in the stub beside this file, ``__init__.pyi``, and found when first asked for: nothing heavy is
imported before it is needed.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_public, _names, __all__ = lazy_loader.attach_stub(__name__, __file__)

NAMESPACES = ("learners", "environments", "functions", "responses", "behaviour", "errors", "results")
"""Where names are looked for that are not at the top, to say where they are."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("trialwise")
    if name in __all__:
        return _public(name)
    places = [] if name.startswith("_") else [place for place in NAMESPACES if name in dir(_public(place))]
    hint = f"; there is trialwise.{places[0]}.{name}" if places else ""
    raise AttributeError(f"module 'trialwise' has no attribute '{name}'{hint}")


def __dir__() -> list[str]:
    return sorted([*_names(), "__version__"])

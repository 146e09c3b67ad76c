"""Options that several verbs share, declared once: a dataclass whose fields are options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb, in place of each parameter that is a dataclass, that dataclass's fields as options.

    Examples
    --------
    ::

        @grouped
        def inspect(files: Files, columns: Columns) -> None: ...      # --participant, --choice, ...
    """
    hints = get_type_hints(verb, include_extras=True)
    kinds: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        if name not in kinds:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(kinds[name], include_extras=True)
        for option in fields(kinds[name]):
            default = option.default_factory() if option.default_factory is not MISSING else option.default
            parameters.append(
                inspect.Parameter(
                    option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[option.name]
                )
            )

    @wraps(verb)
    def run(**given: Any) -> None:
        for name, kind in kinds.items():
            given[name] = kind(**{option.name: given.pop(option.name) for option in fields(kind)})
        verb(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run

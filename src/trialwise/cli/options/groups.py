"""Groups of options shared by several verbs, each declared once as a dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Replace each dataclass parameter of a verb by options, one for each field of the dataclass.

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
    def run(**values: Any) -> None:
        for name, kind in kinds.items():
            values[name] = kind(**{option.name: values.pop(option.name) for option in fields(kind)})
        verb(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run

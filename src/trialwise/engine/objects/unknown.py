"""The message for a name that the agent, the trial, the outcome or the state does not have."""

from __future__ import annotations

import difflib

from numba.core.errors import TypingError


def unknown(name: str, known, what: str) -> TypingError:
    near = difflib.get_close_matches(name, list(known), 1)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    return TypingError(f"{what} has no '{name}'.{guess} It has {', '.join(known) or 'nothing'}.")

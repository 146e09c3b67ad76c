"""The message for an attribute that the agent, the trial, the outcome or the state does not have."""

from __future__ import annotations

import difflib

from numba.core.errors import TypingError


def unknown(name: str, known, what: str) -> TypingError:
    matches = difflib.get_close_matches(name, list(known), 1)
    guess = f" Did you mean '{matches[0]}'?" if matches else ""
    return TypingError(f"{what} has no '{name}'.{guess} It has {', '.join(known) or 'nothing'}.")

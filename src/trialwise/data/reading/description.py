"""Descriptions of columns that stand outside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Description:
    """What a sidecar says of a column.

    Attributes
    ----------
    file
        The sidecar.
    levels
        The labels in their order, with the meaning of each.
    unit
        The unit of its numbers; may be empty.
    text
        What the column is; may be empty.
    """

    file: str
    levels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    text: str = ""


def merged(parts: Sequence[Description | None]) -> Description:
    """What the sidecars of several tables say of a column: units that differ are named all."""
    present = [each for each in parts if each is not None]
    files = list(dict.fromkeys(each.file for each in present))
    units = list(dict.fromkeys("" if each is None else each.unit for each in parts))
    return Description(
        files[0] + (f" and {len(files) - 1} more" if len(files) > 1 else ""),
        {label: meaning for each in present for label, meaning in each.levels.items()},
        units[0] if len(units) == 1 else " and ".join(unit or "none" for unit in units),
        next((each.text for each in present if each.text), ""),
    )

"""The description of a public data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes
    ----------
    name
        The name to type, as in ``trialwise data NAME``.
    title
        A description of one line.
    url
        The address of the folder with the files, without a trailing slash.
    files
        SHA-256 hash of each file, by file name.
    terms
        Collectors, terms of use and citations.
    names
        Names of its tables or columns that readers would not recognise otherwise, by role, separated by blanks.
    """

    name: str
    title: str
    url: str
    files: Mapping[str, str]
    terms: str
    names: Mapping[str, str] = field(default_factory=dict)

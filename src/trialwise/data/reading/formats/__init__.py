"""File formats: one file a format, found by themselves."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.data.reading.file_format import FileFormat

FORMATS = sorted(instances_in(__name__, __path__, FileFormat), key=lambda each: each.recognises is None)
"""All formats; the one that takes what no other recognises comes last."""

SUFFIXES = (*(suffix for each in FORMATS for suffix in each.suffixes), ".gz")
"""Of files that may hold a table."""

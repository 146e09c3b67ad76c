"""File formats: one module per format, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.data.reading.file_format import FileFormat

FORMATS = sorted(instances_in(__name__, __path__, FileFormat), key=lambda each: each.recognises is None)
"""All formats; the format of last resort comes last."""

SUFFIXES = (*(suffix for each in FORMATS for suffix in each.suffixes), ".gz")
"""Suffixes of files that may contain a table."""

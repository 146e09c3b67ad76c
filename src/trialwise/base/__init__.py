"""What everything else stands on: errors, results, random streams, files, workers."""

from trialwise.base import errors as errors

"""Conditions as a shell reads them."""

import shlex

import pytest

from trialwise.cli.output.words import condition_in_shell
from trialwise.data.reading.table import table_of
from trialwise.data.reading.where import rows_where

COLUMNS = {"phase": ["main", "it's", 'say "a"', "a\\b"] * 2, "Zone Type": list("abcdabcd"), "a's": [1, 2, 3, 4] * 2}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("phase == 'main'", [0, 4]),
        ("`Zone Type` == 'b' or phase == 'main'", [0, 1, 4, 5]),
        ("`a's` > 3 and `Zone Type` == 'd'", [3, 7]),
        ('phase == "it\'s"', [1, 5]),
        ("phase == 'say \"a\"'", [2, 6]),
        (r"phase == 'it\'s'", [1, 5]),
    ],
)
def test_a_condition_quoted_for_the_shell_means_the_same(condition, rows):
    table = table_of("data.csv", iter([(1, list(COLUMNS)), *enumerate(zip(*COLUMNS.values(), strict=True), 2)]))
    (typed,) = shlex.split(condition_in_shell(condition))
    assert rows_where(table, typed, (), pytest.fail).nonzero()[0].tolist() == rows


def test_texts_of_a_condition_need_no_nested_quotes():
    assert condition_in_shell("`Zone Type` == 'b'") == "'`Zone Type` == \"b\"'"

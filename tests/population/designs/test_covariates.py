"""Covariates: where columns come from, how participants are matched, and what is refused, all at once."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from studies import read
from trialwise.base.errors import DataError, UsageError
from trialwise.population.designs.build import designed

PEOPLE = [f"p{n:02d}" for n in range(12)]
AGE = [20.0, 31, 25, 40, 22, 29, 33, 51, 47, 38, 24, 60]
GROUP = ["a", "b"] * 6
PLAIN = read(PEOPLE)


def build(formulas, participants=None, trials=PLAIN, **settings):
    return designed(["alpha", "beta"], tw.QLearning(), trials, formulas, participants, **settings)


def table(**columns):
    return {"participant": PEOPLE, "age": AGE, "group": GROUP} | columns


def problems(formulas, participants=None, trials=PLAIN, **settings):
    with pytest.raises(DataError) as error:
        build(formulas, participants, trials, **settings)
    return {problem.code: problem for problem in error.value.problems}


def test_gaps_of_a_trial_column_in_everybody_are_not_dropped():
    """Dropping would leave nobody: the advice is another, before and after it was followed."""
    trials = read(PEOPLE, dose=[[1.0 + n, None, 3.5] for n in range(12)])
    found = problems("alpha ~ dose", trials=trials)["missing-covariate"]
    assert "missing_covariates" not in str(found) and "leave dose out of the formula" in str(found)
    assert "12 participants on 48 trials" in found.message
    found = problems("alpha ~ dose", trials=trials, missing_covariates="drop")["nobody-left"]
    assert "12 participants lack dose on some trials" in found.message and "fill in dose" in str(found)
    assert "labels of participants" not in str(found)
    other = problems("alpha ~ age", {"participant": ["x", "y"], "age": [20, 30]}, missing_covariates="drop")
    assert "check the labels of participants" in str(other["nobody-left"])
    own = problems("alpha ~ age", {"participant": ["x", "y"], "age": [20, 30]})["participant-without-row"]
    assert "missing_covariates" not in str(own)


@pytest.mark.parametrize("formula", ["0 + age", "0 + age + age:group", "0 + scale(age)", "0 + age + iq"])
def test_numbers_without_an_intercept_are_refused(formula):
    found = problems(f"alpha ~ {formula}", table(iq=AGE[::-1]))["no-mean"]
    assert "alpha would be fixed at the mean of age" in found.message.replace("scale(age)", "age")


def test_numbers_of_participants_without_an_intercept_are_refused():
    trials = read(PEOPLE, dose=[[1.0, 2.0 + n, 3.5] for n in range(12)])
    for formula in ("dose + (0 + dose | participant)",):
        found = problems(f"alpha ~ {formula}", trials=trials)
        assert "all have the same alpha" in found["no-mean-of-participants"].message
    assert build("alpha ~ dose + (1 + dose | participant)", trials=trials).design.effects[0].intercept
    assert build("alpha ~ 0 + group + age", table()).design.coefficients[0].cell


# -- where columns come from -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "tsv", "xlsx", "parquet", "csv.gz", "frame", "dict", "index"])
def test_tables_of_all_formats_are_the_same(suffix, tmp_path):
    frame, path = pd.DataFrame(table()), tmp_path / f"people.{suffix}"
    match suffix:
        case "csv" | "csv.gz":
            frame.to_csv(path, index=False)
        case "tsv":
            frame.to_csv(path, index=False, sep="\t")
        case "xlsx":
            frame.to_excel(path, index=False)
        case "parquet":
            frame.to_parquet(path)
    source = {"frame": frame, "dict": table(), "index": frame.set_index("participant")}.get(suffix, path)
    expected = build("alpha ~ group * age", table()).design.fixed
    np.testing.assert_array_equal(build("alpha ~ group * age", source).design.fixed, expected)


def test_columns_of_the_trials_and_of_a_table_are_the_same():
    own = read(PEOPLE, age=AGE, group=GROUP)
    expected = build("alpha ~ group * age", table()).design
    for participants in (None, {"participant": PEOPLE, "iq": AGE}, table()):
        built = build("alpha ~ group * age", participants, own)
        np.testing.assert_array_equal(built.design.fixed, expected.fixed)
        assert built.models["alpha"].numbers == build("alpha ~ age", table()).models["alpha"].numbers


def test_columns_with_other_values_in_both_are_ambiguous():
    own = read(PEOPLE, age=[*AGE[:-1], 61.0])
    assert "participants 'p11'" in str(problems("alpha ~ age", table(), own)["two-columns"])


def test_a_column_known_only_after_the_choice_is_refused():
    for name in ("choice", "outcome"):
        assert "only after the choice" in problems(f"alpha ~ {name}")["known-after-choice"].message


def test_labels_keep_the_order_of_a_categorical():
    frame = pd.DataFrame(table())
    frame["group"] = pd.Categorical(frame["group"], ["c", "b", "a"])
    built = build("alpha ~ group", frame)
    assert built.models["alpha"].factors == {"group": ("b", "a")}
    assert any("no trials at 'c'" in note for note in built.notes)


def test_numbers_that_are_labels_are_sorted_as_numbers():
    built = build("alpha ~ C(dose)", table(dose=[10, 2, 1] * 4))
    assert built.models["alpha"].factors == {"dose": (1, 2, 10)}


# -- matching --------------------------------------------------------------------------------------------------------


def test_labels_of_bids_are_matched_and_told():
    trials = read([f"sub-{n:02d}" for n in range(12)])
    for labels in (
        range(12),
        [f"{n:02d}" for n in range(12)],
        [f"sub-{n:02d}" for n in range(12)],
        [f" sub-{n:02d} " for n in range(12)],
    ):
        built = build("alpha ~ age", table(participant=list(labels)), trials)
        np.testing.assert_array_equal(built.design.fixed, build("alpha ~ age", table()).design.fixed)
        exact = "sub" in str(labels[1])
        assert any("'sub-'" in note for note in built.notes) is not exact


def test_ambiguous_labels_are_not_matched():
    trials = read(["1", *PEOPLE[1:]])
    found = problems(
        "alpha ~ age", pd.DataFrame({"participant": ["01", "sub-1", *PEOPLE[1:]], "age": [5, *AGE]}), trials
    )
    assert found.keys() == {"participant-without-row"} and "1" in found["participant-without-row"].message


def test_labels_of_trials_that_would_match_the_same_row_are_not_matched():
    trials = read(["1", "001", *PEOPLE[2:]])
    found = problems("alpha ~ age", table(participant=["sub-01", "x", *PEOPLE[2:]]), trials)
    assert "2 participants of the trials have no row" in found["participant-without-row"].message


def test_participants_without_trials_are_left_out_and_told():
    more = pd.concat([pd.DataFrame(table()), pd.DataFrame({"participant": ["x1"], "age": [999.0], "group": ["c"]})])
    built = build("alpha ~ age + group", more)
    np.testing.assert_array_equal(built.design.fixed, build("alpha ~ age + group", table()).design.fixed)
    assert any("'x1' is left out, without trials" in note for note in built.notes)
    assert any("no trials at 'c'" in note for note in built.notes)


def test_participants_without_a_row():
    few = pd.DataFrame(table()).iloc[2:]
    assert (
        "2 participants of the trials have no row: 'p00', 'p01'"
        in problems("alpha ~ age", few)["participant-without-row"].message
    )
    built = build("alpha ~ age", few, missing_covariates="drop")
    assert built.trials.participants == tuple(PEOPLE[2:]) and built.design.labels == tuple(PEOPLE[2:])
    assert len(built.row_of_trial) == built.trials.n_trials
    assert built.models["alpha"].numbers["age"][0] == pytest.approx(np.mean(AGE[2:]))
    assert any("2 participants left out" in note for note in built.notes)


def test_a_repeated_participant():
    twice = pd.concat([pd.DataFrame(table()), pd.DataFrame(table()).iloc[[3]]], ignore_index=True)
    found = problems("alpha ~ age", twice)["repeated-participant"]
    assert "'p03'" in found.message and found.rows == (5, 14)


def test_a_table_without_a_column_of_participants():
    assert "recognised" in problems("alpha ~ age", {"age": AGE, "group": GROUP})["no-participant-column"].message
    with pytest.raises(UsageError, match="participants="):
        build("alpha ~ age", {"participant": PEOPLE, "age": [1]})


# -- values ----------------------------------------------------------------------------------------------------------


def test_missing_values():
    holes = table(age=[None, *AGE[1:]], group=[*GROUP[:-1], ""])
    found = problems("alpha ~ age + group", holes)["missing-covariate"]
    assert "missing_covariates='drop'" in str(found)
    with pytest.raises(DataError) as error:
        build("alpha ~ age + group", holes)
    assert [(p.rows, p.message) for p in error.value.problems] == [
        ((2,), "age is missing for 1 participant: 'p00'"), ((13,), "group is missing for 1 participant: 'p11'")
    ]  # fmt: skip
    built = build("alpha ~ age + group", holes, missing_covariates="drop")
    assert built.trials.participants == tuple(PEOPLE[1:-1])
    assert build("beta ~ 1", holes).trials is PLAIN  # what no formula names may be missing


def test_missing_values_of_trials():
    dose = [[1.0, 3.0]] * 11 + [[None, 2.0]]
    trials = read(PEOPLE, session=[[1, 2]] * 12, dose=dose)
    assert "'p11'" in problems("alpha ~ dose", trials=trials)["missing-covariate"].message
    assert build("alpha ~ dose", trials=trials, missing_covariates="drop").design.participants == 11


@pytest.mark.parametrize(
    ("age", "cell"),
    [
        ([*AGE[:-1], "25 y"], "'25 y'"),
        ([f"{a:g} y" for a in AGE], "numbers with a unit: '20 y'"),
        ([*AGE[:-1], "old"], "text among numbers: 'old'"),
    ],
)
def test_text_where_numbers_are_expected(age, cell):
    found = problems("alpha ~ age", table(age=age))["not-a-number"]
    assert cell in found.message and "C(age)" in found.remedy and found.rows[-1] == 13
    assert build("alpha ~ C(age)", table(age=age)).models["alpha"].factors


def test_text_in_a_call_of_numbers():
    assert "must be a number; found 'a'" in problems("alpha ~ log(group)", table())["not-a-number"].message


def test_infinite_numbers():
    assert problems("alpha ~ age", table(age=[*AGE[:-1], np.inf]))["infinite"].rows == (13,)


def test_all_problems_at_once():
    holes = pd.DataFrame(table(age=[None, "25 y", *AGE[2:]], iq=[np.inf] * 12)).iloc[:-1]
    assert problems("alpha ~ age + iq + nix", holes).keys() == {
        "unknown-covariate", "participant-without-row", "missing-covariate", "not-a-number", "infinite"
    }  # fmt: skip


def test_unknown_names_are_suggested_from_the_table_and_the_trials():
    trials = read(PEOPLE, stress=AGE)
    assert "Did you mean 'stress'?" in problems("alpha ~ stres", table(), trials)["unknown-covariate"].remedy
    assert "Did you mean 'group'?" in problems("alpha ~ Group", table(), trials)["unknown-covariate"].remedy
    assert "participants=" in problems("alpha ~ group")["unknown-covariate"].remedy


def test_notes_on_levels_and_numbers():
    built = build("alpha ~ sex + site", table(sex=[0, 1] * 6, site=[1, 2, 3] * 4))
    assert built.models["alpha"].factors == {"sex": (0, 1)} and "site" in built.models["alpha"].numbers
    notes = "\n".join(built.notes)
    assert "sex: 0 and 1 are taken as two levels of a factor" in notes and "write C(site)" in notes
    notes = build("alpha ~ group", table(group=["a"] * 8 + ["b"] * 4)).notes
    assert [note for note in notes if "only 4 participants at 'b'" in note] and not any(
        "at 'a'" in note for note in notes
    )


def test_truth_values_are_levels():
    assert build("alpha ~ patient", table(patient=[True, False] * 6)).models["alpha"].factors == {
        "patient": ("False", "True")
    }
    assert build("alpha ~ patient", table(patient=["yes", "no"] * 6)).models["alpha"].factors == {
        "patient": ("no", "yes")
    }


def test_columns_read_from_files_with_decimal_commas(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(
        "participant;age\n"
        + "\n".join(f"{p};{str(a + 0.5).replace('.', ',')}" for p, a in zip(PEOPLE, AGE, strict=True))
    )
    np.testing.assert_allclose(build("alpha ~ age", path).models["alpha"].numbers["age"][0], np.mean(AGE) + 0.5)


@pytest.mark.parametrize("settings", [{"missing_covariates": "impute"}, {"random": True}])
def test_settings_are_checked(settings):
    with pytest.raises(UsageError, match="must be one of"):
        build("alpha ~ age", table(), **settings)

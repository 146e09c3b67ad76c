"""Reading: every format of table, every role, and the human data of the alien task."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from trialwise.base.errors import DataError, UsageError
from trialwise.data.read import read_long, read_wide
from trialwise.data.reading.column_names import NAMES, recognise, role_of_file

ALIEN_MEANS = np.ones((3, 4, 3))  # context, cue, action
for _context, _items in enumerate(
    [{0: (1, 6), 1: (2, 4), 2: (0, 5), 3: (0, 10)}, {0: (2, 2), 1: (1, 8), 2: (2, 7), 3: (1, 3)},
     {0: (2, 7), 1: (0, 3), 2: (1, 3), 3: (0, 2)}]
):  # fmt: skip
    for _cue, (_action, _mean) in _items.items():
        ALIEN_MEANS[_context, _cue, _action] = _mean

LONG = """subjID,trialNum,stimulus,action,reward,rt
1,1,a,left,0.5,320
1,2,b,right,1,410
2,1,b,left,0,295
2,2,a,left,1.25,500
2,3,a,right,0,350
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="trials.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def assert_same(a, b):
    """Assert that two objects contain the same trials, whatever their source."""
    assert a.participants == b.participants
    np.testing.assert_array_equal(a.offsets, b.offsets)
    np.testing.assert_array_equal(a.choice, b.choice)
    assert a.levels == b.levels
    assert a.outcome.keys() == b.outcome.keys()
    for name in a.outcome:
        np.testing.assert_array_equal(a.outcome[name], b.outcome[name])
    assert a.columns.keys() == b.columns.keys()
    for name, column in a.columns.items():
        np.testing.assert_array_equal(column.values, b.columns[name].values)


# --- the human data ---------------------------------------------------------------------------------------------------


def test_human_data_of_the_alien_task(alien_humans):
    trials = read_wide(
        context=alien_humans / "seasons.csv",
        cue=alien_humans / "aliens.csv",
        choice=alien_humans / "actions.csv",
        outcome=alien_humans / "rewards.csv",
    )
    assert trials.participants == tuple(range(31))
    assert set(trials.lengths) == {440}
    assert trials.sizes == {"context": 3, "cue": 4, "action": 3}
    assert (trials.choice >= 0).all()
    reward = trials.outcome["outcome"]
    assert reward.dtype == np.float64
    assert (reward.min(), reward.max()) == (0.0, 11.6)
    assert reward.mean() == pytest.approx(3.43, abs=0.005)
    assert reward.std() == pytest.approx(2.92, abs=0.005)
    assert (reward == 0).mean() == pytest.approx(0.012, abs=0.0005)
    assert all(reward[a:b].max() >= 10.4 for a, b in zip(trials.offsets, trials.offsets[1:], strict=False))
    shares = np.bincount(trials.choice) / trials.n_trials
    np.testing.assert_allclose(shares, [0.316, 0.361, 0.323], atol=0.0005)

    context, cue = trials.columns["context"].values, trials.columns["cue"].values
    for cell in np.ndindex(3, 4, 3):
        in_cell = (context == cell[0]) & (cue == cell[1]) & (trials.choice == cell[2])
        assert abs(reward[in_cell].mean() - ALIEN_MEANS[cell]) < 0.075, cell  # largest: 0.074, in 173 trials of SD 0.5

    correct = ALIEN_MEANS[context, cue, trials.choice] > 1
    by_participant = correct.reshape(31, 440).mean(axis=1)
    assert by_participant.mean() == pytest.approx(0.548, abs=0.0005)
    assert np.flatnonzero(by_participant < 0.35).tolist() == [30]
    assert [round(correct[context == c].mean(), 3) for c in range(3)] == [0.606, 0.552, 0.487]
    assert [round(reward[context == c].mean(), 2) for c in range(3)] == [4.31, 3.51, 2.51]


def test_human_data_as_a_folder_and_as_a_long_table(alien_humans):
    wide = read_wide(alien_humans)
    assert wide.mapping["context"].startswith("seasons.csv, 3 levels 0, 1, 2 (inferred)")
    assert_same(wide, read_long(wide.to_frame()))


# --- wide -------------------------------------------------------------------------------------------------------------


def test_participants_may_have_different_numbers_of_trials(write):
    cue = write("p1,p2\n0,1\n1,0\n1,\n", "cue.csv")
    choice = write("p1,p2\nleft,right\n,left\nright,\n", "choice.csv")
    outcome = write("p1,p2\n1,0\n,0.5\n2,\n", "reward.csv")
    trials = read_wide(cue=cue, choice=choice, outcome=outcome)
    assert trials.participants == ("p1", "p2")
    assert trials.lengths.tolist() == [3, 2]
    assert trials.choice.tolist() == [0, -1, 1, 1, 0]
    assert trials.row.tolist() == [2, 3, 4, 2, 3]
    np.testing.assert_array_equal(trials.outcome["outcome"], [1, np.nan, 2, 0, 0.5])


def test_several_outcomes_further_columns_blocks_and_resets(write):
    choice = write("a,b\n1,2\n2,2\n", "choice.csv")
    gain, loss = write("a,b\n1,0\n3,2\n", "gain.csv"), write("a,b\n0,-1\n0,0\n", "loss.csv")
    delay, side = write("a,b\n0.5,7\n1,30\n", "delay.csv"), write("a,b\nleft,right\nleft,left\n", "side.csv")
    block = write("a,b\n1,1\n2,1\n", "block.csv")
    trials = read_wide(
        choice=choice,
        outcome={"gain": gain, "loss": loss},
        columns={"delay": delay, "side": side},
        block=block,
        reset=True,
    )
    assert list(trials.outcome) == ["gain", "loss"]
    assert trials.columns["delay"].levels is None
    assert trials.columns["delay"].values.tolist() == [0.5, 1, 7, 30]
    assert trials.levels["side"] == ("left", "right")
    assert trials.reset.tolist() == [False, True, False, False]
    assert trials.levels["action"] == (1, 2)


def test_participants_are_matched_by_label_and_trial_numbers_ignored(write):
    choice = write("trial,a,b\n1,0,1\n2,1,1\n", "choice.csv")
    outcome = write(",b,a\n0,5,6\n1,7,8\n", "reward.csv")
    trials = read_wide(choice=choice, outcome=outcome)
    assert trials.participants == ("a", "b")
    assert trials.outcome["outcome"].tolist() == [6, 8, 5, 7]


def test_one_participant_whose_last_choice_was_missed(write):
    frame = pd.DataFrame({"p": [0, 1, None]})
    trials = read_wide(cue=pd.DataFrame({"p": [0, 0, 1]}), choice=frame)
    assert trials.choice.tolist() == [0, 1, -1]
    path = write(frame.to_csv(index=False), "choice.csv")
    assert read_wide(cue=pd.DataFrame({"p": [0, 0, 1]}), choice=path).choice.tolist() == [0, 1, -1]


def test_read_wide_names_missing_arguments(tmp_path, write):
    with pytest.raises(UsageError, match="choice="):
        read_wide(cue=write("a\n1\n"))
    with pytest.raises(UsageError, match="no file of choices"):
        read_wide(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        read_wide(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="block="):
        read_wide(choice=write("a\n1\n"), reset=True)


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(write, encoding, separator):
    text = LONG.replace("left", "grün").replace(",", separator)
    trials = read_long(write(text.encode(encoding)))
    assert trials.levels["action"] == ("grün", "right")
    assert trials.participants == (1, 2)
    assert trials.outcome["outcome"].tolist() == [0.5, 1, 0, 1.25, 0]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_comments_blank_lines_and_trailing_columns(write, newline):
    lines = LONG.replace("\n", ",,\n").splitlines()
    lines = ["# task 3, pilot", "", *lines[:3], "# a break", "", *lines[3:], ",,,,,,,", ""]
    trials = read_long(write(newline.join(lines)))
    assert trials.choice.tolist() == [0, 1, 0, 0, 1]
    assert trials.row.tolist() == [4, 5, 8, 9, 10]


def test_decimal_commas_in_semicolon_tables(write):
    text = LONG.replace(",", ";").replace(".", ",")
    assert read_long(write(text)).outcome["outcome"].tolist() == [0.5, 1, 0, 1.25, 0]


def test_blanks_between_cells_and_row_names_of_r(write):
    lines = LONG.replace(",", "  ").splitlines()
    assert_same(read_long(write("\n".join(lines))), read_long(write(LONG)))
    quoted = [
        "subjID,trialNum,stimulus,action,reward,rt",
        *(f'"{n}",{line}' for n, line in enumerate(LONG.splitlines()[1:], 1)),
    ]
    assert_same(read_long(write("\n".join(quoted))), read_long(write(LONG)))


def test_gzip_and_the_index_of_pandas(write, tmp_path):
    frame = pd.read_csv(write(LONG))
    frame.to_csv(tmp_path / "indexed.csv")
    assert_same(read_long(tmp_path / "indexed.csv"), read_long(frame))
    pd.read_csv(tmp_path / "indexed.csv").to_csv(tmp_path / "twice.csv")
    assert_same(read_long(tmp_path / "twice.csv"), read_long(frame))
    assert_same(read_long(write(gzip.compress(LONG.encode()), "trials.csv.gz")), read_long(frame))


def test_parquet(write, tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.read_csv(write(LONG))
    frame.to_parquet(tmp_path / "trials.parquet")
    assert_same(read_long(tmp_path / "trials.parquet"), read_long(frame))


def test_excel(write, tmp_path):
    pytest.importorskip("openpyxl")
    frame = pd.read_csv(write(LONG))
    frame.to_excel(tmp_path / "trials.xlsx", index=False)
    assert_same(read_long(tmp_path / "trials.xlsx"), read_long(frame))


@pytest.mark.parametrize(
    ("content", "module"), [(b"PK\x03\x04 xl/workbook.xml", "openpyxl"), (b"PAR1\0\0\0\0PAR1", "pyarrow")]
)
def test_a_format_whose_package_is_not_installed(write, monkeypatch, content, module):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=f"needs {module}.*not installed(.|\n)*pip install 'trialwise\\[files\\]'"):
        read_long(write(content, "trials.xlsx"))


# --- long -------------------------------------------------------------------------------------------------------------


def test_names_are_recognised_and_listed_in_the_mapping(write):
    trials = read_long(write(LONG))
    assert trials.participants == (1, 2)
    assert trials.levels == {"cue": ("a", "b"), "action": ("left", "right")}
    assert trials.mapping["choice"] == "column 'action' (recognised), 2 levels left, right (inferred), none missing"
    assert trials.mapping["outcome"] == "column 'reward' (recognised), numbers from 0 to 1.25, none missing"
    assert trials.mapping["rt"].startswith("column 'rt' (recognised), ")
    assert trials.declared == frozenset()


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("subjID trial choice outcome", "participant trial choice outcome"),
        ("subj_idx split_by trial response feedback rt q_init", "participant cue trial choice outcome rt -"),
        ("participant_id trial response rt feedback", "participant trial choice rt outcome"),
        ("subjID cue keyPressed outcome", "participant cue choice outcome"),
        ("subjID type choice reward", "participant cue choice outcome"),
        ("participant session trials.thisN key_resp.keys key_resp.rt", "participant session trial choice rt"),
        ("subjID trialNum u y", "participant trial outcome choice"),
        ("subjID trial_index TS season sad_alien item_chosen reward", "participant trial - context cue choice outcome"),
    ],
)
def test_common_headers(header, roles):
    header = header.split()
    expected = {role: [name] for name, role in zip(header, roles.split(), strict=True) if role != "-"}
    assert recognise(header, list(NAMES)) == expected


def test_no_name_has_two_roles():
    names = [name for lines in NAMES.values() for line in lines for name in line.split()]
    assert len(names) == len(set(names))


def test_names_of_files():
    stems = ["seasons", "aliens", "actions", "rewards", "readme"]
    assert [role_of_file(stem) for stem in stems] == ["context", "cue", "choice", "outcome", None]


def test_gain_and_loss_are_a_record_unless_named_otherwise():
    frame = pd.DataFrame({"subjID": [1, 1], "gain": [1, 2], "loss": [0, -1], "choice": [1, 2]})
    assert list(read_long(frame).outcome) == ["gain", "loss"]
    assert list(read_long(frame, outcome={"win": "gain"}).outcome) == ["win"]
    assert list(read_long(frame, outcome=["loss", "gain"]).outcome) == ["loss", "gain"]
    offers = read_long(frame, outcome=False, numbers=["gain", "loss"])
    assert offers.outcome == {}
    assert offers.columns["gain"].values.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("codes", "levels", "choice"),
    [
        ([0, 1, 1], (0, 1), [0, 1, 1]),
        ([1, 2, 2], (1, 2), [0, 1, 1]),
        ([-1, 1, 1], (-1, 1), [0, 1, 1]),
        (["b", "a", "a"], ("a", "b"), [1, 0, 0]),
        ([1.0, None, 2.0], (1, 2), [0, -1, 1]),
        (["1", "2", "n/a"], (1, 2), [0, 1, -1]),
        ([-1, 0, 1], (0, 1), [-1, 0, 1]),
        ([-1, 1, 2], (1, 2), [-1, 0, 1]),
        ([-999, 0, 1], (0, 1), [-1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (["1", "2", "left"], ("1", "2", "left"), [0, 1, 2]),
        (["01", "02", "01"], ("01", "02"), [0, 1, 0]),
    ],
)
def test_codes_of_choices(codes, levels, choice):
    trials = read_long(pd.DataFrame({"participant": 1, "choice": pd.Series(codes, dtype=object), "outcome": 1.0}))
    assert trials.levels["action"] == levels
    assert [type(label) for label in trials.levels["action"]] == [type(label) for label in levels]
    assert trials.choice.tolist() == choice


def test_minus_one_is_noted_and_can_be_declared():
    frame = pd.DataFrame({"participant": 1, "choice": [-1, 0, 1], "outcome": 1.0})
    trials = read_long(frame)
    assert "missing: 1 x -1" in trials.mapping["choice"]
    assert "-1 was taken as a missed choice in 1 trial" in trials.notes[0]
    assert read_long(frame, actions=[-1, 0, 1]).choice.tolist() == [0, 1, 2]
    one_action = pd.DataFrame({"participant": 1, "choice": [-1, 0, 0]})
    with pytest.raises(DataError, match=r"is -1 an action(.|\n)*actions=\[-1, 0\]"):
        read_long(one_action)
    assert read_long(one_action, actions=[0, 1]).choice.tolist() == [-1, 0, 0]
    assert read_long(one_action, actions=[-1, 0]).choice.tolist() == [0, 1, 1]


def test_declared_labels_keep_their_order_and_spelling():
    frame = pd.DataFrame({"participant": 1, "cue": ["hot", "cold", "hot"], "choice": ["0", "1", "None"]})
    trials = read_long(frame, levels={"cue": ["hot", "cold", "rainy"]}, actions=[1, 0, "None"])
    assert trials.levels == {"cue": ("hot", "cold", "rainy"), "action": (1, 0, "None")}
    assert trials.choice.tolist() == [1, 0, 2]
    assert trials.declared == {"cue", "action"}
    assert "(declared)" in trials.mapping["cue"]


def test_missing_choice_and_missing_outcome_are_separate():
    frame = pd.DataFrame({"participant": 1, "choice": [0, None, 1, 9], "reward": [1.5, 2, None, None]})
    trials = read_long(frame, missing=[9])
    assert trials.choice.tolist() == [0, -1, 1, -1]
    np.testing.assert_array_equal(trials.outcome["outcome"], [1.5, 2, np.nan, np.nan])


def test_interleaved_rows_are_sorted_by_participant_and_trial():
    frame = pd.DataFrame(
        {"subject": ["b", "a", "b", "a", "b"], "trial": [3, 2, 1, 1, 2], "choice": [0, 1, 2, 3, 4], "reward": 0.0}
    )
    trials = read_long(frame)
    assert trials.participants == ("b", "a")
    assert trials.choice.tolist() == [2, 4, 0, 3, 1]
    assert trials.row.tolist() == [4, 6, 2, 5, 3]
    assert read_long(frame, trial=False).choice.tolist() == [0, 2, 4, 1, 3]


def test_trial_numbers_that_restart_in_each_block():
    frame = pd.DataFrame({"id": 7, "block": [2, 2, 1, 1], "trial": [2, 1, 1, 2], "choice": [0, 1, 2, 3]})
    trials = read_long(frame, reset=True)
    assert trials.choice.tolist() == [1, 0, 2, 3]  # blocks in the order of the table
    assert trials.reset.tolist() == [False, False, True, False]
    assert not read_long(frame).reset.any()
    assert "rows sorted within column 'block'" in trials.mapping["trial"]


def test_resets_by_flags_and_by_blocks():
    frame = pd.DataFrame(
        {"id": [1, 1, 2, 2], "run": [1, 2, 1, 1], "choice": [0, 1, 0, 1], "new": ["no", "yes", "no", "no"]}
    )
    assert read_long(frame, reset="new").reset.tolist() == [False, True, False, False]
    assert read_long(frame, reset=True).reset.tolist() == [False, True, False, False]
    with pytest.raises(DataError, match="no column of blocks"):
        read_long(frame.drop(columns="run"), reset=True)


def test_vectors_labels_and_numbers():
    frame = pd.DataFrame(
        {"id": 1, "cue": ["A", "B"], "left": ["A", "C"], "right": ["B", "A"], "l_amount": [1, 2.5], "r_amount": [3, 4],
         "delay later": [7, 30], "hand": ["l", "r"], "choice": [0, 1]}
    )  # fmt: skip
    trials = read_long(
        frame,
        vectors={"options": (["left", "right"], "cue"), "amounts": ["l_amount", "r_amount"]},
        numbers=["delay later"],
        labels=["hand"],
    )
    assert trials.levels["cue"] == ("A", "B", "C")
    assert trials.columns["options"].values.tolist() == [[0, 1], [2, 0]]
    assert trials.columns["options"].levels == "cue"
    assert trials.columns["amounts"].values.tolist() == [[1, 3], [2.5, 4]]
    assert trials.columns["delay_later"].values.tolist() == [7, 30]
    assert trials.columns["hand"].levels == "hand"
    assert trials.columns["hand"].values.dtype == np.int64
    assert trials.mapping["options"].startswith("column 'left' (given) and column 'right' (given), 3 levels")


def test_available_actions():
    frame = pd.DataFrame({"id": 1, "choice": ["x", "y", "z"], "a": [1, 1, 0], "b": [1, 1, 1], "c": [0, 0, 1]})
    expected = [[True, True, False], [True, True, False], [False, True, True]]
    assert read_long(frame, available=["a", "b", "c"]).available.tolist() == expected
    assert read_long(frame, available={"z": "c", "x": "a", "y": "b"}).available.tolist() == expected
    with pytest.raises(DataError, match=r"the chosen action was not available \(rows 3, 4\)"):
        read_long(frame, available={"z": "a", "x": "b", "y": "c"}, actions=["x", "y", "z"])


def test_ratings_instead_of_choices():
    frame = pd.DataFrame({"id": [1, 1], "response": [0.25, 0.5], "outcome": [1, 0]})
    trials = read_long(frame)
    assert trials.choice is None
    assert trials.response["response"].tolist() == [0.25, 0.5]
    assert read_long(frame.rename(columns={"response": "SCR"})).response["response"].tolist() == [0.25, 0.5]
    integers = frame.assign(response=[1, 2])
    assert read_long(integers).levels["action"] == (1, 2)
    assert read_long(integers, response="response", choice=False).choice is None


def test_truth_values_as_outcomes_are_noted():
    frame = pd.DataFrame({"id": 1, "choice": [0, 1, 0], "correct": ["yes", "no", None]})
    trials = read_long(frame, outcome="correct")
    np.testing.assert_array_equal(trials.outcome["outcome"], [1, 0, np.nan])
    assert "taken as 1 for true and 0 for false" in trials.notes[0]


def test_rows_without_a_trial_are_left_out_with_a_note():
    frame = pd.DataFrame({"id": 1, "cue": ["a", None, "b"], "choice": [0, None, 1], "reward": [1, None, 0]})
    trials = read_long(frame)
    assert trials.n_trials == 2
    assert "1 row contains no trial and was left out" in trials.notes[0]
    missed = frame.drop(columns="cue")  # without columns known before the choice, the row is a missed trial
    assert read_long(missed).choice.tolist() == [0, -1, 1]


def test_a_table_of_a_single_participant():
    frame = pd.DataFrame({"choice": [0, 1], "reward": [1, 0]})
    assert read_long(frame, participant=False).n_participants == 1


def test_selecting_a_participant_preserves_the_levels():
    frame = pd.DataFrame({"id": [1, 1, 2, 2], "choice": ["a", "a", "b", "c"]})
    selection = read_long(frame).select([1])
    assert selection.levels["action"] == ("a", "b", "c")
    assert selection.choice.tolist() == [0, 0]


def test_frames_with_pandas_own_types():
    frame = pd.DataFrame(
        {
            "participant": pd.Categorical(["x", "x", "y"]),
            "choice": pd.array([1, None, 2], dtype="Int64"),
            "reward": pd.array([0.5, None, 1.0], dtype="Float64"),
        }
    ).set_index("participant")
    trials = read_long(frame)
    assert trials.participants == ("x", "y")
    assert trials.choice.tolist() == [0, -1, 1]


# --- any table, any format --------------------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("abcdefgäöü é-_"), min_size=1, max_size=6).map(lambda s: f"w{s}w")
REALS = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def tables(draw):
    participants = draw(st.lists(st.one_of(WORDS, st.integers(0, 99)), min_size=1, max_size=4, unique_by=str))
    if any(isinstance(p, str) for p in participants):
        participants = [p if isinstance(p, str) else f"n{p}" for p in participants]
    cues = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    actions = draw(st.sampled_from([[0, 1], [1, 2, 3], [-1, 1], ["left", "right"], ["k", "j", "ä"]]))
    rows = []
    for participant in participants:
        for n in range(draw(st.integers(1, 6))):
            choice = draw(st.sampled_from([*actions, None]))
            rows.append((participant, n, draw(st.sampled_from(cues)), choice, draw(st.one_of(st.none(), REALS))))
    rows = draw(st.permutations(rows))
    return pd.DataFrame(rows, columns=["participant", "trial", "cue", "choice", "outcome"]), actions, cues


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables(),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    comma=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
    na=st.sampled_from(["", "NA", "n/a", "NaN", "None", "-999"]),
    compressed=st.booleans(),
    index=st.booleans(),
)
def test_a_table_is_read_in_any_format(tmp_path, table, separator, encoding, comma, newline, na, compressed, index):
    frame, actions, cues = table
    assume(not frame["outcome"].notna().any() or (frame["choice"].notna() & frame["outcome"].notna()).any())
    frame = frame.astype({"choice": object})
    path = tmp_path / "trials.csv"
    text = frame.to_csv(
        sep=separator,
        decimal="," if comma and separator != "," else ".",
        lineterminator=newline,
        na_rep=na,
        index=index,
    )
    raw = text.encode(encoding)
    path.write_bytes(gzip.compress(raw) if compressed else raw)
    trials = read_long(path, actions=actions, levels={"cue": cues})

    order = {participant: n for n, participant in enumerate(dict.fromkeys(frame["participant"]))}
    expected = frame.assign(order=frame["participant"].map(order)).sort_values(["order", "trial"])
    assert trials.participants == tuple(order)
    assert [None if c < 0 else actions[c] for c in trials.choice] == [
        None if pd.isna(c) else c for c in expected["choice"]
    ]
    assert [cues[c] for c in trials.columns["cue"].values] == expected["cue"].tolist()
    np.testing.assert_array_equal(trials.outcome["outcome"], expected["outcome"].astype(float))
    np.testing.assert_array_equal(trials.row, expected.index + 2)
    assert_same(trials, read_long(frame, actions=actions, levels={"cue": cues}))


def test_numbers_as_names_and_single_names_instead_of_lists():
    frame = pd.DataFrame({0: ["p", "p"], 1: [0, 1], 2: [0.5, 1], "hand": ["l", "x"]})
    trials = read_long(frame, participant=0, choice=1, outcome=[2], labels="hand", missing="nothing")
    assert trials.choice.tolist() == [0, 1]
    assert trials.levels["hand"] == ("l", "x")

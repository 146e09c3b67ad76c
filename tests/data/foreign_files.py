"""Shapes of files from programs and packages of the field, each with its right reading; written for these tests.

A *right* reading is a table of participant, choice (None if missed), outcome (None if missing), and whether the state is reset before
the trial; ``QUESTION`` is a file that no one can read without an answer from the person who recorded it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

QUESTION = "a question that only a person can answer"


@dataclass
class Foreign:
    """A file, the arguments that a user would type at first, and its right reading."""

    frame: pd.DataFrame
    right: list[tuple] | str
    typed: dict = field(default_factory=dict)


def base(participants=("P1", "P2"), trials=12, seed=0):
    random = np.random.default_rng(seed)
    n = len(participants) * trials
    return pd.DataFrame(
        {
            "p": np.repeat(list(participants), trials),
            "t": np.tile(np.arange(1, trials + 1), len(participants)),
            "c": random.choice(["left", "right"], n),
            "r": random.integers(0, 2, n),
        }
    )


def reading(frame, reset=None):
    """The right reading of a frame as :func:`base` makes it; ``reset`` is a column at whose changes the state is reset."""
    rows, last = [], None
    for _, row in frame.iterrows():
        run = (row["p"], None if reset is None else row[reset])
        rows.append((row["p"], row["c"], row["r"], last is not None and last[0] == run[0] and last != run))
        last = run
    return rows


def renamed(names, frame=None, **more):
    frame = base() if frame is None else frame
    return frame.rename(columns=dict(zip("ptcr", names.split(), strict=False))).assign(**more)


def interleaved(frame, other):
    """Each row of a frame followed by one of another, aligned by position."""
    rows = pd.concat([frame.assign(order=range(0, 2 * len(frame), 2)), other.assign(order=range(1, 2 * len(other), 2))])
    return rows.sort_values("order").drop(columns="order").reset_index(drop=True)


def simple(names, **more):
    return Foreign(renamed(names, **more), reading(base()))


def psychopy(practice=True, missed=False):
    frame = base()
    out = pd.DataFrame(
        {
            "practice.thisN": None, "trials.thisN": frame["t"] - 1, "cue": "A", "key_resp.keys": frame["c"].str[0],
            "key_resp.rt": 0.5 + frame["t"] / 50, "reward": frame["r"], "participant": frame["p"], "session": "001",
            "date": "2024-05-01_10h22.33.123", "expName": "bandit",
        }
    )  # fmt: skip
    frame["c"] = frame["c"].str[0]
    if missed:
        out.loc[3, ["key_resp.keys", "key_resp.rt", "reward"]] = ["None", None, None]
        frame = frame.astype(object)
        frame.loc[3, ["c", "r"]] = None
    if practice:
        first = out.groupby("participant").head(2).assign(**{"trials.thisN": None, "practice.thisN": [0, 1, 0, 1]})
        out = pd.concat(
            [
                first[first["participant"] == p] if k == 0 else out[out["participant"] == p]
                for p in ("P1", "P2")
                for k in (0, 1)
            ]
        )
    return Foreign(out, reading(frame))


def jspsych(feedback_row):
    frame = base()
    choices = pd.DataFrame(
        {"trial_type": "html-keyboard-response", "task": "choice", "cue": "A", "rt": 600 + frame["t"], "response": frame["c"],
         "reward": None if feedback_row else frame["r"], "subject": frame["p"]}
    )  # fmt: skip
    feedback = choices.assign(
        task="feedback", cue=None, rt=None, response=None, reward=frame["r"] if feedback_row else None
    )
    out = interleaved(choices, feedback)
    intro = out.head(1).assign(trial_type="instructions", task="intro", cue=None, rt=5101, response=None, reward=None)
    return Foreign(pd.concat([intro, out]), QUESTION if feedback_row else reading(frame))


def gorilla():
    frame = base()
    out = pd.DataFrame(
        {"Participant Private ID": frame["p"], "Trial Number": frame["t"], "Screen Name": "choice", "Reaction Time": 700.2 + frame["t"],
         "Response": frame["c"], "reward": frame["r"]}
    )  # fmt: skip
    return Foreign(
        interleaved(out, out.assign(**{"Screen Name": "feedback", "Reaction Time": 350, "Response": None})), QUESTION
    )


def runs(names, reset, restart=True, sessions=(1, 2), **typed):
    frame = base()
    half = (frame["t"] - 1) // 6
    out = renamed("sub trial choice reward", frame)
    out[names] = half.map(dict(enumerate(sessions)))
    if restart:
        out["trial"] = (frame["t"] - 1) % 6 + 1
    return Foreign(out, reading(frame.assign(half=half), "half" if reset else None), typed)


def restarting_without_a_column():
    out = renamed("id trial choice reward")
    out["trial"] = (out["trial"] - 1) % 6 + 1
    return Foreign(out, QUESTION)


def shuffled():
    return Foreign(renamed("id trial choice reward").sort_values(["trial", "id"]), reading(base()))


def clock():
    frame = renamed("id time choice reward")
    frame["time"] = [f"{9 + t // 60:02d}:{t % 60:02d}:00" for t in frame["time"]]
    return Foreign(
        frame.sample(frac=1, random_state=1).sort_values("id", kind="stable"), reading(base()), {"trial": "time"}
    )


def called_na():
    frame = base(("AB", "NA"))
    return Foreign(renamed("id trial choice reward", frame), reading(frame))


def missing_code(code, names=("id", "trial", "choice", "reward")):
    frame = base(trials=60)
    frame["c"] = (frame["c"] == "left").astype(object)
    frame["c"] = frame["c"].map({True: 1, False: 0}).astype(object)
    out = frame.copy()
    out.loc[[5, 77], "c"] = code
    frame.loc[[5, 77], "c"] = None
    return Foreign(renamed(" ".join(names), out), reading(frame))


def far_outcome():
    frame = base(trials=30).astype({"r": object})
    out = frame.copy()
    out.loc[4, "r"] = 9999
    frame.loc[4, "r"] = None
    return Foreign(renamed("id trial choice reward", out), reading(frame))


def practice(label="practice", column="phase"):
    frame = base()
    out = renamed("id trial choice reward", frame).assign(**{column: "main"})
    out.loc[frame["t"] <= 3, column] = label
    return Foreign(out, reading(frame[frame["t"] > 3]))


def instructions_without_participant():
    out = renamed("id trial choice reward")
    intro = pd.DataFrame({"id": [None], "trial": [None], "choice": ["space"], "reward": [None], "screen": ["intro"]})
    return Foreign(pd.concat([intro, out.assign(screen="trial")]), reading(base()))


def european():
    text = renamed("VPN Trial choice reward").to_csv(sep=";", decimal=",", index=False)
    return Foreign(pd.read_csv(io.StringIO(text), sep=";", decimal=","), reading(base()), {"participant": "VPN"})


def appended():
    out = renamed("id t choice reward").drop(columns="t")
    return Foreign(pd.concat([out, out]), QUESTION)


def categorical():
    out = renamed("id trial choice reward")
    return Foreign(out.assign(choice=pd.Categorical(out["choice"], ["right", "middle", "left"])), reading(base()))


def gain_and_loss():
    frame = renamed("subjID trial choice gain", base(), loss=0)
    return Foreign(frame, reading(base()))


def offered():
    """A gamble: what is offered is known before the choice, and there is no outcome."""
    frame = base()
    out = (
        renamed("subjID trial gamble r", frame)
        .assign(cert=1.0, r=None)
        .rename(columns={"r": "rating_time"})
        .drop(columns="rating_time")
    )
    return Foreign(out, reading(frame.assign(r=None)))


def two_stages():
    frame = base()
    out = renamed("subjID trial level1_choice reward", frame).assign(level2_choice=frame["c"])
    right = [row for p, c, r, _ in reading(frame) for row in ((p, c, 0, False), (p, c, r, False))]
    return Foreign(out, right)


def two_stages_coded(state):
    """Four labels of the second choice, two for each state, which may be in a column of its own."""
    random = np.random.default_rng(3)
    rows, right = [], []
    for person in ("P1", "P2"):
        for trial in range(1, 121):
            first, second, reward = random.integers(1, 3), random.integers(1, 3), random.integers(2)
            place = first if random.random() < 0.8 else 3 - first
            own = {"state2": place} if state else {}
            coded = second + 2 * (place - 1)
            rows.append({"id": person, "trial": trial, "choice1": first, "choice2": coded, **own, "reward": reward})
            right += [(person, first, 0, False), (person, second, reward, False)]
    return Foreign(pd.DataFrame(rows), right)


def balloons_in_rows():
    """A row a balloon."""
    random = np.random.default_rng(4)
    rows, right = [], []
    for person in ("P1", "P2"):
        for balloon in range(1, 13):
            pumps, burst = int(random.integers(1, 9)), int(random.integers(2))
            rows.append({"subject": person, "trial": balloon, "pumps": pumps, "explosion": burst, "points": pumps})
            right += [(person, "go", float(burst and pump == pumps), False) for pump in range(1, pumps + 1)]
            right += [] if burst else [(person, "stop", 0, False)]
    return Foreign(pd.DataFrame(rows), right)


def stages_in_rows(labels, first_outcome=0, swapped=False):
    """A row for each stage, whose names in the order of the alphabet are not those of the stages."""
    random = np.random.default_rng(2)
    rows, right = [], []
    for person in ("P1", "P2"):
        for _ in range(120):
            choice = random.integers(2)
            state = 1 + (choice if random.random() < 0.8 else 1 - choice)
            second = random.integers(2)
            for cue, act, reward in ((0, choice, first_outcome), (state, second, random.integers(2))):
                rows.append({"id": person, "cue": labels[cue], "choice": ["l", "r"][act ^ swapped], "reward": reward})
                right.append((person, rows[-1]["choice"], reward, False))
    return Foreign(pd.DataFrame(rows), right)


def one_stage_of_two():
    frame = base()
    return Foreign(renamed("subjID trial stage1_action reward", frame), QUESTION)


def of_one_person():
    frame = base(("P1",))
    return Foreign(renamed("p trial response points", frame).drop(columns="p"), QUESTION)


def truth_values():
    return Foreign(renamed("id trial choice reward").assign(reward=base()["r"].astype(bool)), reading(base()))


def sorted_as_text(names):
    """Rows in the order 1, 10, 11, 12, 2, as a sorting of text leaves them; blocks may have been run in any order."""
    out = renamed(names)
    return out.sort_values(list(out.columns[:2]), key=lambda column: column.astype(str))


FILES = {
    "plain": simple("participant trial choice reward"),
    "hBayesDM-like": simple("subjID trial choice outcome"),
    "with signs for wins": Foreign(
        renamed("subjID trial choice outcome").assign(outcome=base()["r"] * 2 - 1), reading(base().assign(r=base()["r"] * 2 - 1))
    ),
    "gain and loss": gain_and_loss(),
    "gamble without outcome": offered(),
    "two stages in one row": two_stages(),
    "two stages in one row, choices over both states": two_stages_coded(state=False),
    "two stages in one row, with a state": two_stages_coded(state=True),
    "balloons in one row each": balloons_in_rows(),
    "two stages in two rows": stages_in_rows(("spaceport", "planet1", "planet2")),
    "two stages, the other way round": stages_in_rows(("start", "blue house", "a red house"), swapped=True),
    "two stages in codes": stages_in_rows((1, 2, 3)),
    "two stages, no outcome of the first": stages_in_rows(("spaceport", "planet1", "planet2"), first_outcome=None),
    "two stages, names with commas": stages_in_rows(("start", "b, left", "a, right")),
    "a stage with a name of its own": one_stage_of_two(),
    "HDDM-like": simple("subj_idx trial response feedback", q_init=0.5, rt=0.7),
    "HDDM-like, split": runs("split_by", reset=True),
    "cpm-like": simple("ppt trial response feedback", stimulus="s"),
    "EMC2-like": Foreign(renamed("subjects trials R reward"), QUESTION),
    "PsychoPy": psychopy(practice=False),
    "PsychoPy with practice": psychopy(),
    "PsychoPy with a missed trial": psychopy(missed=True),
    "PsychoPy, missed, without practice": psychopy(practice=False, missed=True),
    "jsPsych": jspsych(feedback_row=False),
    "jsPsych with rows of feedback": jspsych(feedback_row=True),
    "Gorilla": gorilla(),
    "OpenSesame": simple("subject_nr count response_kb reward", response_time_kb=612.0),
    "E-Prime-like": simple("Subject Trial Stim.RESP Reward", **{"Stim.RT": 512.0}),
    "Prolific": simple("prolific_id trial_number key reward"),
    "animals": simple("mouse trial choice reward"),
    "sessions": runs("session", reset=True),
    "sessions with running trials": runs("session", reset=True, restart=False),
    "sessions with names": runs("visit", reset=True, sessions=("placebo", "drug")),
    "runs": runs("run", reset=False),
    "runs that restart": Foreign(runs("run", reset=True).frame, runs("run", reset=True).right, {"reset": "run"}),
    "blocks with running trials": runs("block", reset=False, restart=False),
    "a restart without a column": restarting_without_a_column(),
    "restarts in a column of another name": runs("house", reset=True, sessions=("red", "blue")),
    "sorted by trial": shuffled(),
    "clock times": clock(),
    "trials sorted as text": Foreign(sorted_as_text("id trial choice reward"), reading(base())),
    "trials of another name sorted as text": Foreign(sorted_as_text("id n choice reward"), reading(base())),
    "blocks sorted as text": Foreign(sorted_as_text("id block choice reward"), QUESTION),
    "a participant called NA": called_na(),
    "99 for missed": missing_code(99),
    "-1 for missed": missing_code(-1),
    "-999 for missed": missing_code(-999),
    "empty for missed": missing_code(None),
    "9999 for no outcome": far_outcome(),
    "practice": practice(),
    "training": practice("Training", "block_type"),
    "instructions": instructions_without_participant(),
    "European": european(),
    "appended to itself": appended(),
    "Categorical": categorical(),
    "one person, BIDS-like": of_one_person(),
    "truth values": truth_values(),
    "trial numbers from 0": Foreign(renamed("id trial choice reward").assign(trial=base()["t"] * 3 - 3), reading(base())),
    "row numbers": Foreign(renamed("id trial choice reward").reset_index().rename(columns={"index": "Unnamed: 0"}), reading(base())),
}  # fmt: skip

"""Human choices in the alien task."""

from trialwise.data.dataset import Dataset

ALIEN = Dataset(
    name="alien",
    title="human choices in the alien task: 31 participants, 440 trials of initial learning",
    url="https://raw.githubusercontent.com/junpenglao/Planet_Sakaar_Data_Science/master/PyMC_QnA/1735_data",
    files={
        "actions.csv": "2c8964accc0d2cc361b740a4ea9ad39e5969dd91098c25e3694309a6c1918a82",
        "aliens.csv": "04df283fda304a5432dcb4065235f63fbf230ea683af8dc0132177fa5607625f",
        "rewards.csv": "7840c800480baac0889a9c964b2bf156bb7e3577bcd3142abc941e3cc6699e9b",
        "seasons.csv": "c8e0e368a7d6f2e55dbb7f402d88c258a5c7369293b29e3d0bd718780b537d8c",
    },
    terms=(
        "Collected by Maria K. Eckstein and Anne G. E. Collins: Computational evidence for hierarchically structured"
        " reinforcement learning in humans, PNAS 2020, 117(47), 29381-29389. Redistributed by Junpeng Lao in"
        " Planet_Sakaar_Data_Science (PyMC_QnA/1735_data), a repository under the MIT licence. The collectors have stated no"
        " licence for the data: use them for research, and cite both."
    ),
    names={"context": "season seasonid", "cue": "alien alienid sadalien"},
)

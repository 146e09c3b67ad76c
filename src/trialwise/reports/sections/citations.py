"""Works to cite: sources of the learners as given in their docstrings, methods and software, and reporting standards."""

from __future__ import annotations

import re

from trialwise.learners.docstring import parts
from trialwise.reports.blocks import Block, Heading, Link, Listing, Section
from trialwise.reports.docstring import prose
from trialwise.reports.subject import Subject

_YEAR = re.compile(r"\b(18|19|20)\d\d\b")

WORKS = {
    "nuts": Link("Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler: adaptively setting path lengths in Hamiltonian Monte Carlo. Journal of Machine Learning Research, 15, 1593-1623.", "https://jmlr.org/papers/v15/hoffman14a.html"),
    "particle-gibbs": Link("Andrieu, C., Doucet, A., & Holenstein, R. (2010). Particle Markov chain Monte Carlo methods. Journal of the Royal Statistical Society B, 72, 269-342.", "https://doi.org/10.1111/j.1467-9868.2009.00736.x"),
    "ancestor-sampling": Link("Lindsten, F., Jordan, M. I., & Schön, T. B. (2014). Particle Gibbs with ancestor sampling. Journal of Machine Learning Research, 15, 2145-2184.", "https://jmlr.org/papers/v15/lindsten14a.html"),
    "candidates": Link("Fearnhead, P., & Meligkotsidou, L. (2016). Augmentation schemes for particle MCMC. Statistics and Computing, 26, 1293-1306.", "https://doi.org/10.1007/s11222-015-9603-4"),
    "rhat": Link("Vehtari, A., Gelman, A., Simpson, D., Carpenter, B., & Bürkner, P.-C. (2021). Rank-normalization, folding, and localization: an improved R-hat for assessing convergence of MCMC. Bayesian Analysis, 16, 667-718.", "https://doi.org/10.1214/20-BA1221"),
    "bfmi": Link("Betancourt, M. (2016). Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo. arXiv:1604.00695.", "https://arxiv.org/abs/1604.00695"),
    "savage-dickey": Link("Wagenmakers, E.-J., Lodewyckx, T., Kuriyal, H., & Grasman, R. (2010). Bayesian hypothesis testing for psychologists: a tutorial on the Savage-Dickey method. Cognitive Psychology, 60, 158-189.", "https://doi.org/10.1016/j.cogpsych.2009.12.001"),
    "nutpie": Link("nutpie, implementation of the sampler. PyMC developers.", "https://github.com/pymc-devs/nutpie"),
    "arviz": Link("Kumar, R., Carroll, C., Hartikainen, A., & Martin, O. (2019). ArviZ, a unified library for exploratory analysis of Bayesian models in Python. Journal of Open Source Software, 4(33), 1143.", "https://doi.org/10.21105/joss.01143"),
    "numba": Link("Lam, S. K., Pitrou, A., & Seibert, S. (2015). Numba: a LLVM-based Python JIT compiler. Proceedings of the Second Workshop on the LLVM Compiler Infrastructure in HPC, 1-6.", "https://doi.org/10.1145/2833157.2833162"),
    "barg": Link("Kruschke, J. K. (2021). Bayesian analysis reporting guidelines. Nature Human Behaviour, 5, 1282-1291.", "https://doi.org/10.1038/s41562-021-01177-7"),
    "ten rules": Link("Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational modeling of behavioral data. eLife, 8, e49547.", "https://doi.org/10.7554/eLife.49547"),
}  # fmt: skip
"""Works by the keys under which samplers and sections cite them."""


def section(subjects: list[Subject]) -> Section:
    """Sources, methods and software, standards."""
    works = ["rhat"]
    works += dict.fromkeys(work for subject in subjects for work in subject.sampler.works)
    works += ["savage-dickey"] if any(subject.contrasts for subject in subjects) else []
    works += ["nutpie", "arviz", "numba"]
    blocks: list[Block] = []
    sources = [each for subject in subjects for each in _sources(subject)]
    if sources:
        blocks += [
            Heading("Learners, as cited in their docstrings"),
            Listing([prose(each) for each in dict.fromkeys(sources)]),
        ]
    blocks += [Heading("Methods and software"), Listing([WORKS.get(name, name) for name in works])]
    blocks += [Heading("Reporting standards followed"), Listing([WORKS["barg"], WORKS["ten rules"]])]
    return Section("citations", "Citations", blocks)


def _sources(subject: Subject) -> list[str]:
    """Paragraphs of the docstring that contain a year."""
    return [text for text, is_equation in parts(subject.docstring) if not is_equation and _YEAR.search(text)]

from .accuracy import (
    accuracy as accuracy,
    after_switch as after_switch,
    below_criterion as below_criterion,
    context_index as context_index,
    early_slope as early_slope,
    intrusions as intrusions,
    savings as savings,
)
from .bayes_factors import (
    bayes_factors as bayes_factors,
)
from .continuous import (
    of_responses as of_responses,
)
from .general import (
    general as general,
)
from .measures import (
    measured as measured,
)
from .regressions import (
    logistic as logistic,
    pooled_value_regression as pooled_value_regression,
    value_regression as value_regression,
)
from .scored import (
    scored as scored,
    telling as telling,
)
from .tasks.alien_phases import (
    first_choices as first_choices,
    novel_profile as novel_profile,
    of_experiment as of_experiment,
    of_phase as of_phase,
    preferences as preferences,
    preferred as preferred,
)

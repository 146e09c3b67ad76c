from .alien_phases import (
    first_choices as first_choices,
    novel_profile as novel_profile,
    of_experiment as of_experiment,
    of_phase as of_phase,
    preferences as preferences,
    preferred as preferred,
)
from .bayes_factors import (
    bayes_factors as bayes_factors,
)
from .continuous import (
    of_responses as of_responses,
)
from .measures import (
    accuracy as accuracy,
    after_switch as after_switch,
    below_criterion as below_criterion,
    context_index as context_index,
    early_slope as early_slope,
    general as general,
    intrusions as intrusions,
    logistic as logistic,
    measured as measured,
    pooled_value_regression as pooled_value_regression,
    savings as savings,
    scored as scored,
    telling as telling,
    value_regression as value_regression,
)

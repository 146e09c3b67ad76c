"""What other folders may use of the engine; nothing else of it is for them."""

from .arguments import (
    in_rows as in_rows,
    kernel_inputs as kernel_inputs,
)
from .exceptions import (
    comes_from as comes_from,
    raised as raised,
)
from .explain import (
    check_filled as check_filled,
    compilation as compilation,
)
from .flags import (
    FLAGS as FLAGS,
    HIDDEN as HIDDEN,
    HIDES as HIDES,
    RESET as RESET,
    TEACHES as TEACHES,
    WATCHES as WATCHES,
)
from .kernels import (
    cache as cache,
)
from .kernels.compiled import (
    constants as constants,
)
from .kernels.compiled_forward import (
    likelihood_kernel as likelihood_kernel,
)
from .kernels.compiled_hidden import (
    goes_abreast as goes_abreast,
)
from .packed import (
    WHOLE as WHOLE,
    Packed as Packed,
    Response as Response,
    argument as argument,
    responses_of as responses_of,
)
from .packing import (
    pack as pack,
)
from .run import (
    rollout_plain as rollout_plain,
    run_gradient as run_gradient,
    run_plain as run_plain,
    run_rollout as run_rollout,
    run_trace as run_trace,
    signal_names as signal_names,
    trace_plain as trace_plain,
)
from .run_courses import (
    PARTICLES as PARTICLES,
    Candidates as Candidates,
    course_drawer as course_drawer,
)
from .run_hidden import (
    Trace as Trace,
    check_particles as check_particles,
    run_exact as run_exact,
    run_particles as run_particles,
    run_traced as run_traced,
    stream_keys as stream_keys,
    trace_particles_plain as trace_particles_plain,
)
from .run_markov import (
    ForwardTrace as ForwardTrace,
    forward_plain as forward_plain,
    run_forward as run_forward,
    trace_forward as trace_forward,
)

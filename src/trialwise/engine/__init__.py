"""The engine: a learner's methods made into walks through trials, compiled, with gradients.

What other folders may use of it is listed in the stub beside this file, and found when first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

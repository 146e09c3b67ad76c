"""The engine: compiles a learner's methods into functions that run through trials, with gradients.

The stub beside this file lists what other folders may use; it is imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

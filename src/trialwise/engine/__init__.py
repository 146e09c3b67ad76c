"""The engine: compiles a learner's methods into loops over trials, with gradients.

The stub beside this file lists the names for other folders; each is imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

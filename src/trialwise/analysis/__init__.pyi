from . import behaviour as behaviour

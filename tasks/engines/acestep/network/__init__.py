"""The networks of ACE-Step in memory: read from both published layouts, run through diffusers, decoded apart.

diffusers warns of what is of no concern here, such as a package for quantised weights that it does not use: only its
errors are shown, unless the environment asks for more.
"""

import os

os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

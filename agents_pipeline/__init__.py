"""Train, evaluate, film and export TF-Agents policies on gymnasium.

TF-Agents is written for Keras 2. TensorFlow chooses its Keras when it is first
imported, by an environment variable, so the variable is set here.
"""

import os
import sys

_KERAS_SWITCH = "TF_USE_LEGACY_KERAS"

if "tensorflow" in sys.modules and os.environ.get(_KERAS_SWITCH) != "1":
  raise ImportError(
    "agents_pipeline needs Keras 2, and TensorFlow was imported before it: "
    f"import agents_pipeline first, or set {_KERAS_SWITCH}=1"
  )
os.environ[_KERAS_SWITCH] = "1"

__version__ = "0.1.0"

"""Train, evaluate, record and export TF-Agents policies on gymnasium.

TF-Agents is written for Keras 2. TensorFlow chooses its Keras when it is first
imported, by an environment variable, so the variable is set here.
"""

import importlib
import json
import os
import pathlib
import sys
from typing import TYPE_CHECKING

from agents_pipeline import installation as _installation

if TYPE_CHECKING:
  from agents_pipeline.api.policy import Policy
  from agents_pipeline.api.run import Run
  from agents_pipeline.api.training import load_experiment, train

__all__ = ["Policy", "Run", "load_experiment", "train"]

_installation.check()

_KERAS_SWITCH = "TF_USE_LEGACY_KERAS"

if "tensorflow" in sys.modules and os.environ.get(_KERAS_SWITCH) != "1":
  raise ImportError(
    "agents_pipeline needs Keras 2, and TensorFlow was imported before it: "
    f"import agents_pipeline first, or set {_KERAS_SWITCH}=1"
  )
os.environ[_KERAS_SWITCH] = "1"


def _keras_refuses_its_settings() -> bool:
  """Whether the content of keras.json makes the import of Keras 2 fail."""
  home = os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))
  try:
    held = json.loads(pathlib.Path(home, "keras.json").read_text())
  except (FileNotFoundError, NotADirectoryError, ValueError):
    return False  # Keras ignores a file that is not JSON
  except OSError:
    return True
  return not (
    isinstance(held, dict)
    and held.get("floatx", "float32") in ("float16", "float32", "float64")
    and isinstance(held.get("epsilon", 1e-7), float)
    and held.get("image_data_format", "channels_last")
    in ("channels_first", "channels_last")
  )


if "tf_keras" not in sys.modules and _keras_refuses_its_settings():
  os.environ["KERAS_HOME"] = os.devnull  # where there is no such file

__version__ = "0.1.0"

from agents_pipeline.agents import registry as _registry  # noqa: E402

assert _registry  # imported for what gin files can bind

# The modules of the public names, loaded at their first use: TensorFlow, which
# they import, takes seconds.
_MODULES = {
  "Policy": "agents_pipeline.api.policy",
  "Run": "agents_pipeline.api.run",
  "load_experiment": "agents_pipeline.api.training",
  "train": "agents_pipeline.api.training",
}


def __getattr__(name: str):
  if name not in _MODULES:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  from agents_pipeline.runs import quiet

  with quiet.imports():
    module = importlib.import_module(_MODULES[name])
  return getattr(module, name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})

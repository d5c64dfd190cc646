"""Asks an exported policy for actions, with TensorFlow and NumPy alone.

It is run by its path and imports nothing of this project, as who serves a
policy does:

python -I benchmarks/serving_alone.py POLICY_DIR OBSERVATIONS.npz ACTIONS.npz

OBSERVATIONS.npz has [B, ...] for each input by its name. ACTIONS.npz gets the
actions [B, ...] of each signature by its name.
"""

import sys

import numpy as np
import tensorflow as tf

_NOT_NEEDED = ("agents_pipeline", "tf_agents", "gymnasium")


def main(policy_dir: str, observations: str, actions: str) -> None:
  """Serves all observations at once."""
  model = tf.saved_model.load(policy_dir)
  given = dict(np.load(observations))
  found = {}
  for name, signature in model.signatures.items():
    inputs = signature.structured_input_signature[1]
    names = {spec.name or key for key, spec in inputs.items()}
    missing = sorted(names - given.keys())
    assert not missing, f"{name} asks for {missing}, not in {sorted(given)}"
    served = signature(**{n: tf.constant(given[n]) for n in names})
    found[name] = served["action"].numpy()
  for package in _NOT_NEEDED:
    assert package not in sys.modules, f"{package} was imported"
  np.savez(actions, **found)


if __name__ == "__main__":
  main(*sys.argv[1:])

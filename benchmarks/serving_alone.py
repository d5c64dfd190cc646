"""Asks exported policies for actions, where only their runtime is.

It is run by its path and imports nothing of this project, as who serves a
policy does: TensorFlow for a SavedModel, ai-edge-litert for policy.tflite, ONNX
Runtime for policy.onnx, and NumPy.

python -I benchmarks/serving_alone.py POLICY_DIR OBSERVATIONS.npz OUTPUTS.npz \\
  [POLICY_DIR OBSERVATIONS.npz OUTPUTS.npz ...]

OBSERVATIONS.npz has [B, ...] for each input by its name. OUTPUTS.npz gets
[B, ...] for each output of each signature, as "serving_default action".
"""

import pathlib
import sys

import numpy as np

_NEVER = ("agents_pipeline", "tf_agents", "tensorflow_probability", "gymnasium")
_MASKED = "serving_masked"


def _saved_model(folder, given):
  import tensorflow as tf

  model = tf.saved_model.load(str(folder))
  for name, signature in model.signatures.items():
    inputs = signature.structured_input_signature[1]
    names = {spec.name or key for key, spec in inputs.items()}
    served = signature(**{n: tf.constant(x) for n, x in given(names).items()})
    yield name, {key: tensor.numpy() for key, tensor in served.items()}


def _tflite(folder, given):
  from ai_edge_litert.interpreter import Interpreter

  interpreter = Interpreter(str(folder / "policy.tflite"))
  for name, signature in interpreter.get_signature_list().items():
    serve = interpreter.get_signature_runner(name)
    yield name, serve(**given(signature["inputs"]))


def _onnx(folder, given):
  import onnxruntime

  for file, name in (
    ("policy.onnx", "serving_default"),
    ("policy_masked.onnx", _MASKED),
  ):
    if (folder / file).exists():
      serve = onnxruntime.InferenceSession(str(folder / file))
      outputs = [output.name for output in serve.get_outputs()]
      inputs = given(each.name for each in serve.get_inputs())
      yield name, dict(zip(outputs, serve.run(outputs, inputs), strict=True))


# A file of each format, what serves it, and the package that this imports.
_RUNTIMES = {
  "saved_model.pb": (_saved_model, "tensorflow"),
  "policy.tflite": (_tflite, "ai_edge_litert"),
  "policy.onnx": (_onnx, "onnxruntime"),
}


def serve(policy_dir: str, observations: str, outputs: str) -> str:
  """Serves all observations at once; returns the package that did."""
  folder = pathlib.Path(policy_dir)
  (file,) = (name for name in _RUNTIMES if (folder / name).exists())
  runtime, package = _RUNTIMES[file]
  loaded = dict(np.load(observations))

  def given(names):
    names = set(names)
    missing = sorted(names - loaded.keys())
    assert not missing, f"{policy_dir} asks for {missing}, not in {[*loaded]}"
    return {name: loaded[name] for name in names}

  found = {
    f"{signature} {name}": values
    for signature, served in runtime(folder, given)
    for name, values in served.items()
  }
  np.savez(outputs, **found)
  return package


def main(words: list[str]) -> None:
  """Serves each policy, and checks that nothing else was imported."""
  used = {serve(*words[i : i + 3]) for i in range(0, len(words), 3)}
  others = {package for _, package in _RUNTIMES.values()} - used
  for package in (*_NEVER, *others):
    assert package not in sys.modules, f"{package} was imported"


if __name__ == "__main__":
  main(sys.argv[1:])

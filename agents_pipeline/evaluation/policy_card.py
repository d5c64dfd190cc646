"""The card of a policy: README.md, for whoever gets its folder."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from agents_pipeline.config import encoders, policy_formats

_MASKED = "serving_masked"
_ONE_LINE = 64  # numbers of an observation in a request
# Those that TensorFlow Serving reads from JSON.
_IN_JSON = {
  *("float32", "float64", "bool", "uint8", "uint32", "uint64"),
  *("int8", "int16", "int32", "int64"),
}
_NAMES = {
  policy_formats.SAVED_MODEL: "SavedModel",
  policy_formats.TFLITE: "TensorFlow Lite",
  policy_formats.ONNX: "ONNX",
}
_MEANINGS = {
  "q_values": "expected return of each action",
  "distribution": "of each action, the probability of each return in `support`",
  "support": "the returns that `distribution` is of",
  "value": "expected return",
  "logits": "unnormalized log-probability of each action",
  "mean": "of the Gaussian, in the units of the action",
  "stddev": "of the Gaussian, in the units of the action",
}

_SAVED_MODEL = """\
import numpy as np
import tensorflow as tf

inputs = {{
{inputs}
}}
policy = tf.saved_model.load(".").signatures["{signature}"]
outputs = policy(**{{name: tf.constant(x) for name, x in inputs.items()}})
print(outputs["action"].numpy())
"""
_TFLITE = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter

inputs = {{
{inputs}
}}
interpreter = Interpreter("policy.tflite")
policy = interpreter.get_signature_runner("{signature}")
outputs = policy(**inputs)
print(outputs["action"])
"""
_ONNX = """\
import numpy as np
import onnxruntime

inputs = {{
{inputs}
}}
policy = onnxruntime.InferenceSession("{file}")
names = [output.name for output in policy.get_outputs()]
outputs = dict(zip(names, policy.run(names, inputs)))
print(outputs["action"])
"""
_CODE = {
  policy_formats.SAVED_MODEL: (_SAVED_MODEL, "TensorFlow and NumPy"),
  policy_formats.TFLITE: (_TFLITE, "`ai-edge-litert` and NumPy"),
  policy_formats.ONNX: (_ONNX, "`onnxruntime` and NumPy"),
}


def text(about: dict) -> str:
  """The card as Markdown.

  Args:
    about: the content of policy.json. Without all that a run knows, the card
      says less; `policy_description.describe` is all that it needs.
  """
  paragraphs = [
    f"# {_title(about)}",
    _result(about),
    _facts(about),
    "## What it takes and returns",
    *_signature(about),
    "## Use it in Python",
    *_python(about),
  ]
  if about["format"] == policy_formats.SAVED_MODEL:
    paragraphs += _serving(about)
  return "\n\n".join(filter(None, paragraphs)) + "\n"


def _title(about: dict) -> str:
  agent = about.get("agent", "").upper().replace("_", "-")
  title = f"{agent} policy" if agent else "Policy"
  environment = about.get("environment")
  return f"{title} for {environment}" if environment else title


def _result(about: dict) -> str:
  found = about.get("result")
  if found is None:
    return (
      "This policy was not evaluated after training; `python -m "
      "agents_pipeline.apps.evaluate` does that."
    )
  low, high = found["interval_95"]
  return (
    f"Mean return **{found['mean_return']:,.2f}** over "
    f"{found['num_episodes']} greedy evaluation episodes; 95 % interval "
    f"{low:,.2f} to {high:,.2f}, standard deviation of the episodes "
    f"{found['standard_deviation']:,.2f}."
  )


def _facts(about: dict) -> str:
  """A list of what the policy is."""
  rows = [
    ("Environment", _code(about.get("environment"))),
    ("Its arguments", _code(about.get("arguments"))),
    ("Its time limit", _steps(about.get("max_episode_steps"))),
    ("Its wrappers", _code(about.get("wrappers"))),
    ("Its observation", _observed(about.get("observation"))),
    ("Keys encoded otherwise", _code(about.get("keys"))),
    ("Action mask from", _code(about.get("action_mask"))),
    ("Trained for", _steps(about.get("env_steps"))),
    ("Seed", about.get("seed")),
    ("Format", _NAMES[about["format"]]),
    ("Versions", _versions(about)),
  ]
  return "\n".join(f"* **{k}**: {v}" for k, v in rows if v not in (None, ""))


def _code(value: Any) -> str:
  """The Markdown of a value as code; "" where there is nothing to say."""
  if not value:
    return ""
  written = value if isinstance(value, str) else json.dumps(value)
  return "`" + written.replace("|", "\\|") + "`"


def _steps(number: int | None) -> str:
  return "" if number is None else f"{number:,} env steps"


def _observed(observation: Mapping[str, Any] | None) -> str:
  """How the environment is observed; "" where it is observed as it is."""
  if not observation or observation["kind"] == "OwnObservation":
    return ""
  return _code(observation)


def _versions(about: dict) -> str:
  packages = about.get("packages", {})
  return ", ".join(f"{n} {v}" for n, v in packages.items() if v is not None)


def _signature(about: dict) -> list[str]:
  """A table of inputs and outputs, and what to know about them."""
  signatures = about["signatures"]
  observes, acts = about["observation_space"], about["action_space"]
  spaces = observes if isinstance(observes, dict) else {"observation": observes}
  signature = signatures.get(_MASKED) or signatures["serving_default"]
  lines = ["| | name | type and shape | |", "| --- | --- | --- | --- |"]
  for name, tensor in signature["inputs"].items():
    lines.append(_row("takes", name, tensor, _code(spaces[name])))
  for name, tensor in signature["outputs"].items():
    meaning = _code(acts) if name == "action" else _MEANINGS.get(name, "")
    lines.append(_row("returns", name, tensor, meaning))
  said = (
    "It takes B observations at once, as the environment gives them: scaling, "
    "encoding and normalization are part of the policy. `action` is the greedy "
    "one."
  )
  if _MASKED in signatures:
    where = f"the signature `{_MASKED}` takes it, `serving_default` does not"
    if about["format"] == policy_formats.ONNX:
      where = "`policy_masked.onnx` takes it, `policy.onnx` does not"
    said += (
      " `action_mask` is 1 for each action that is allowed, else 0: "
      f"{where}, and allows all."
    )
  return ["\n".join(lines), said]


def _row(what: str, name: str, tensor: Mapping, meaning: str) -> str:
  shape = ", ".join(["B", *map(str, tensor["shape"][1:])])
  return f"| {what} | `{name}` | `{tensor['type']} [{shape}]` | {meaning} |"


def _signature_to_show(about: dict) -> tuple[str, Mapping[str, Mapping]]:
  """The name of the signature that examples call, and its inputs."""
  name = _MASKED if _MASKED in about["signatures"] else "serving_default"
  return name, about["signatures"][name]["inputs"]


def _python(about: dict) -> list[str]:
  template, needs = _CODE[about["format"]]
  signature, inputs = _signature_to_show(about)
  lines = [f"  {json.dumps(n)}: {_in_numpy(n, x)}," for n, x in inputs.items()]
  code = template.format(
    inputs="\n".join(lines),
    signature=signature,
    file="policy_masked.onnx" if signature == _MASKED else "policy.onnx",
  )
  return [
    f"It needs {needs} alone. In the folder of this file, one observation:",
    f"```python\n{code}```",
  ]


def _serving(about: dict) -> list[str]:
  """A request to TensorFlow Serving, where one fits on a line."""
  signature, inputs = _signature_to_show(about)
  is_json = all(tensor["type"] in _IN_JSON for tensor in inputs.values())
  examples = {name: _example(name, tensor) for name, tensor in inputs.items()}
  if not is_json or sum(x.size for x in examples.values()) > _ONE_LINE:
    return []
  request: dict[str, Any] = {}
  if signature == _MASKED:
    request["signature_name"] = signature
  request["inputs"] = {name: x.tolist() for name, x in examples.items()}
  return [
    "## Ask TensorFlow Serving",
    "A server with this folder as version 1 of the model `policy` answers with "
    "every output by its name:",
    "```console\n$ curl http://localhost:8501/v1/models/policy:predict \\\n"
    f"    -d {shlex.quote(json.dumps(request))}\n```",
  ]


def _example(name: str, tensor: Mapping) -> np.ndarray:
  """An example of one input: the first of what is numbered, else zeros."""
  value = 1 if name == encoders.ACTION_MASK else tensor.get("start", 0)
  return np.full((1, *tensor["shape"][1:]), value, tensor["type"])


def _in_numpy(name: str, tensor: Mapping) -> str:
  """The code that makes what `_example` returns."""
  shape = (1, *tensor["shape"][1:])
  kind = "np.bool_" if tensor["type"] == "bool" else f"np.{tensor['type']}"
  if name == encoders.ACTION_MASK:
    return f"np.ones({shape}, {kind})"
  if "start" in tensor:
    return f"np.full({shape}, {tensor['start']}, {kind})"
  return f"np.zeros({shape}, {kind})"

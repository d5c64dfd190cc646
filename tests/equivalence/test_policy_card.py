"""What cards and docs/serving.md print does what they say."""

import importlib.util
import json
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from served_policies import CASES, make

from agents_pipeline.evaluation import exporting

pytestmark = pytest.mark.slow

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "serving.md"
ALONE = {
  "saved_model": "tensorflow",
  "tflite": "ai_edge_litert",
  "onnx": "onnxruntime",
}
CARDS = (
  *("dqn_plain", "dqn_discrete", "dqn_masked", "c51_plain", "qr_dqn_plain"),
  *("a2c_dict", "a2c_box"),
)
# It runs the Python lines of every folder's card in that folder. Importing what
# is None raises.
AS_PRINTED = """
import os, re, sys
never, *folders = sys.argv[1:]
sys.modules.update(dict.fromkeys(never.split(",")))
for folder in folders:
  os.chdir(folder)
  (code,) = re.findall("```python\\n(.*?)```", open("README.md").read(), re.S)
  exec(code, {})
"""


def first_of(policy):
  """What the live policy does with the observation of the examples."""
  _, function = [*policy.signatures.items()][-1]
  inputs = [*policy.describe("saved_model")["signatures"].values()][-1]
  given = []
  for spec in tf.nest.flatten(function.input_signature):
    start = inputs["inputs"][spec.name].get("start", 0)
    value = 1 if spec.name == "action_mask" else start
    given.append(tf.fill([1, *spec.shape[1:]], tf.cast(value, spec.dtype)))
  structure = function.input_signature
  return function(*tf.nest.pack_sequence_as(structure, given))["action"].numpy()


@pytest.mark.parametrize("file_format", ALONE)
def test_the_python_lines_run_as_printed_where_their_runtime_is_alone(
  file_format, tmp_path
):
  for package in (ALONE[file_format], *(["tf2onnx"] * (file_format == "onnx"))):
    if importlib.util.find_spec(package) is None:
      pytest.skip(f"{package} is not installed: make serving")
  expected = []
  for name in CARDS:
    policy = make(*CASES[name])
    exporting.save(policy, tmp_path / name, {}, file_format)
    expected.append(str(first_of(policy)))
  never = {
    *("agents_pipeline", "tf_agents", "tensorflow_probability", "gymnasium"),
    *("tf_keras", *ALONE.values()),
  } - {ALONE[file_format]}
  done = subprocess.run(
    [sys.executable, "-I", "-c", AS_PRINTED, ",".join(never)]
    + [str(tmp_path / name) for name in CARDS],
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines() == expected


def requests_of(text):
  """The JSON of every curl line of a page."""
  for line in re.findall(r"^\$ (curl .*\\\n.*)$", text, re.M):
    words = shlex.split(line.replace("\\\n", " "))
    yield json.loads(words[words.index("-d") + 1])


def as_tensor(value, spec):
  """A value of JSON as TensorFlow Serving reads it (util/json_tensor.cc)."""
  numbers = np.array(value, object)
  # A dimension of a list shorter than another leaves lists in it.
  assert not any(isinstance(one, list) for one in numbers.flat), value
  assert spec.shape.is_compatible_with(numbers.shape), (spec, numbers.shape)
  kinds = {"b": (bool,), "f": (int, float), "i": (int,), "u": (int,)}
  kind = kinds[np.dtype(spec.dtype.as_numpy_dtype).kind]
  assert all(type(one) in kind for one in numbers.flat), (spec, value)
  assert spec.dtype not in (tf.float16, tf.uint16)
  return tf.constant(value, spec.dtype)


def answer(folder, request):
  """The action that a SavedModel gives to a request."""
  assert request.keys() <= {"signature_name", "inputs"}
  model = tf.saved_model.load(str(folder))
  signature = model.signatures[request.get("signature_name", "serving_default")]
  specs = {
    spec.name: spec for spec in signature.structured_input_signature[1].values()
  }
  assert request["inputs"].keys() == specs.keys()
  tensors = {n: as_tensor(request["inputs"][n], s) for n, s in specs.items()}
  return signature(**tensors)["action"].numpy()


@pytest.mark.parametrize("name", [n for n in CARDS if n != "a2c_dict"])
def test_the_request_of_a_card_is_one_of_its_signature(name, tmp_path):
  policy = make(*CASES[name])
  policy.save(tmp_path / "policy", {})
  card = (tmp_path / "policy" / "README.md").read_text()
  (request,) = requests_of(card)
  np.testing.assert_array_equal(
    answer(tmp_path / "policy", request), first_of(policy)
  )


def test_the_requests_of_the_page_are_of_the_signatures_of_such_policies(
  tmp_path,
):
  plain, masked = requests_of(PAGE.read_text())
  for request, name in ((plain, "dqn_plain"), (masked, "dqn_masked")):
    policy = make(*CASES[name])
    policy.save(tmp_path / name, {})
    seen = {n: np.array(x) for n, x in request["inputs"].items()}
    seen["observation"] = seen["observation"].astype(np.float32)
    is_masked = "action_mask" in seen
    if is_masked:
      seen["action_mask"] = seen["action_mask"].astype(np.int8)
    expected = policy.act(seen if is_masked else seen["observation"])
    np.testing.assert_array_equal(answer(tmp_path / name, request), expected)
    assert expected.shape == (1,)


def test_what_tensorflow_serving_would_refuse_fails_here():
  spec = tf.TensorSpec([None, 3], tf.int8)
  assert as_tensor([[1, 0, 1]], spec).numpy().tolist() == [[1, 0, 1]]
  for wrong in ([[1.0, 0, 1]], [[True, 0, 1]], [1, 0, 1], [[1, 0]], [[1], [0]]):
    with pytest.raises(AssertionError):
      as_tensor(wrong, spec)

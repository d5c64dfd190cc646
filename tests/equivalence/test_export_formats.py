"""Every format of an exported policy beside the live one.

Each is served in a process that has its runtime alone: TensorFlow for a
SavedModel, ai-edge-litert for TensorFlow Lite (`tf.lite.Interpreter` brings all
of TensorFlow, which calls it deprecated), ONNX Runtime for ONNX.
"""

import importlib.util
import pathlib
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from served_policies import CASES, draw, make

from agents_pipeline.evaluation import exporting

pytestmark = pytest.mark.slow

ALONE = pathlib.Path(__file__).parents[2] / "benchmarks" / "serving_alone.py"
NUM_OBSERVATIONS = 1_000
NEEDS = {
  "saved_model": (),
  "tflite": ("ai_edge_litert",),
  "onnx": ("tf2onnx", "onnxruntime"),
}


@pytest.fixture(scope="module", params=NEEDS)
def folder(request, tmp_path_factory):
  """Every policy in a format, and what its runtime alone made of it."""
  for package in NEEDS[request.param]:
    if importlib.util.find_spec(package) is None:
      pytest.skip(f"{package} is not installed: make serving")
  folder = tmp_path_factory.mktemp(request.param)
  words = []
  for name, case in CASES.items():
    exporting.save(make(*case), folder / name, {}, request.param)
    np.savez(
      folder / f"{name}-observations.npz", **draw(case[1], NUM_OBSERVATIONS)
    )
    words += [folder / name, folder / f"{name}-observations.npz"]
    words += [folder / f"{name}-outputs.npz"]
  done = subprocess.run(
    [sys.executable, "-I", ALONE, *words], capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  return folder


@pytest.mark.parametrize("name", CASES)
def test_its_runtime_alone_gives_what_the_live_policy_gives(folder, name):
  _, space, actions = case = CASES[name]
  policy, observations = make(*case), draw(space, NUM_OBSERVATIONS)
  served = dict(np.load(folder / f"{name}-outputs.npz"))
  for signature, function in policy.signatures.items():
    given = [
      tf.constant(observations[spec.name])
      for spec in tf.nest.flatten(function.input_signature)
    ]
    structure = function.input_signature
    expected = function(*tf.nest.pack_sequence_as(structure, given))
    assert len(expected) > 1
    for output, values in expected.items():
      found = served.pop(f"{signature} {output}")
      assert found.dtype == values.numpy().dtype
      assert found.shape == values.shape
      if output == "action" and not isinstance(actions, gym.spaces.Box):
        np.testing.assert_array_equal(found, values)
        assert len(np.unique(found, axis=0)) > 1
      np.testing.assert_allclose(found, values, rtol=0, atol=1e-5)
  assert not served
  assert ("action_mask" in observations) == (len(policy.signatures) == 2)


def test_masks_are_obeyed(folder):
  for name in (
    *("dqn_masked", "a2c_masked", "dqn_masked_dict"),
    *("c51_masked_dict", "qr_dqn_masked_dict", "rainbow_masked_dict"),
  ):
    served = np.load(folder / f"{name}-outputs.npz")
    mask = np.load(folder / f"{name}-observations.npz")["action_mask"]
    rows = np.arange(NUM_OBSERVATIONS)
    assert mask[rows, served["serving_masked action"] + 1].all()
    assert not mask[rows, served["serving_default action"] + 1].all()

import importlib.util

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from served_policies import ACTIONS, CASES, draw, make

from agents_pipeline import errors
from agents_pipeline.evaluation import exporting

HAS_ONNX = importlib.util.find_spec("tf2onnx") is not None
needs_onnx = pytest.mark.skipif(
  not HAS_ONNX, reason="tf2onnx is not installed: make serving"
)


@pytest.mark.parametrize(
  ("file_format", "files"),
  [
    ("saved_model", {"saved_model.pb", "assets.extra/policy.json"}),
    ("tflite", {"policy.tflite", "policy.json"}),
    pytest.param(
      "onnx",
      {"policy.onnx", "policy_masked.onnx", "policy.json"},
      marks=needs_onnx,
    ),
  ],
)
def test_a_format_is_a_folder_that_replaces_another(
  tmp_path, file_format, files
):
  policy, folder = make(*CASES["dqn_masked"]), tmp_path / "policy"
  folder.mkdir()
  (folder / "before").touch()
  exporting.save(policy, folder, {"seed": 1}, file_format)
  found = {str(p.relative_to(folder)) for p in folder.rglob("*")}
  assert found >= files | {"README.md"}
  assert "before" not in found
  if file_format != "saved_model":
    assert found == files | {"README.md"}
  assert [p.name for p in tmp_path.iterdir()] == ["policy"]


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_tensorflow_lite_has_both_signatures(tmp_path):
  """By TensorFlow's interpreter, which is there without another package."""
  case = CASES["dqn_masked"]
  policy, seen = make(*case), draw(case[1], 20)
  exporting.save(policy, tmp_path / "policy", {}, "tflite")
  interpreter = tf.lite.Interpreter(str(tmp_path / "policy" / "policy.tflite"))
  assert [*interpreter.get_signature_list()] == [
    "serving_default", "serving_masked",
  ]  # fmt: skip
  served = interpreter.get_signature_runner("serving_masked")(**seen)
  np.testing.assert_array_equal(served["action"], policy.act(seen))


@needs_onnx
def test_an_onnx_model_names_its_batch_and_its_tensors(tmp_path):
  import onnx

  exporting.save(
    make(*CASES["a2c_masked_dict"]), tmp_path / "policy", {}, "onnx"
  )
  model = onnx.load(tmp_path / "policy" / "policy_masked.onnx")
  assert 18 in [o.version for o in model.opset_import if not o.domain]
  shapes = {
    x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
    for x in (*model.graph.input, *model.graph.output)
  }
  assert shapes == {
    "observation/camera": ["batch", 12, 12, 3],
    "action_mask": ["batch", 3],
    "action": ["batch"],
    "logits": ["batch", 3],
    "value": ["batch"],
  }


def test_what_tensorflow_lite_cannot_do_is_refused_in_one_line(tmp_path, capfd):
  """It has no cast from uint64."""
  space = gym.spaces.Box(0, 9, (7,), np.uint64)
  policy = make("dqn", space, ACTIONS)
  with pytest.raises(errors.UserError) as caught:
    exporting.save(policy, tmp_path / "new" / "policy", {}, "tflite")
  assert str(caught.value) == (
    "--format=tflite: this policy cannot be converted "
    "(tf.Cast(tensor<?x7xui64>) -> (tensor<?x7xf32>)); expected another format"
  )
  assert not [*tmp_path.iterdir()]
  assert "tf.Cast" not in capfd.readouterr().err


@needs_onnx
def test_what_onnx_does_not_know_is_refused_in_one_line(tmp_path):
  policy = make(*CASES["dqn_plain"])
  policy.serve = tf.function(
    lambda observation: {"action": tf.linalg.expm(observation[:, None])},
    input_signature=policy.serve.input_signature,
    autograph=False,
  )
  with pytest.raises(errors.UserError) as caught:
    exporting.save(policy, tmp_path / "policy", {}, "onnx")
  message = str(caught.value)
  assert message.startswith("--format=onnx: this policy cannot be converted (")
  assert "\n" not in message
  assert not [*tmp_path.iterdir()]

import json

import gymnasium as gym
import numpy as np
import pytest
from served_policies import CASES, make

from agents_pipeline.evaluation import policy_description


def test_a_policy_says_what_it_takes_and_returns():
  found = make(*CASES["dqn_plain"]).describe("tflite")
  q_values = {"type": "float32", "shape": [None, 3]}
  assert found == {
    "observation_space": "Box(-5.0, 5.0, (4,), float32)",
    "action_space": "Discrete(3, start=-1)",
    "format": "tflite",
    "signatures": {
      "serving_default": {
        "inputs": {"observation": {"type": "float32", "shape": [None, 4]}},
        "outputs": {
          "action": {"type": "int64", "shape": [None]},
          "q_values": q_values,
        },
      }
    },
  }


def test_a_dict_is_described_by_its_leaves_and_a_mask_by_its_signature():
  spaces = gym.spaces.Dict(
    {
      "observation/number": gym.spaces.MultiDiscrete([3, 2], start=[1, 0]),
      "action_mask": gym.spaces.MultiBinary(3),
    }
  )
  found = make("a2c", spaces, gym.spaces.Discrete(3)).describe("onnx")
  assert found["observation_space"] == {
    "action_mask": "MultiBinary(3)",
    "observation/number": "MultiDiscrete([3 2], start=[1 0])",
  }
  number = {"type": "int64", "shape": [None, 2], "start": [1, 0]}
  mask = {"type": "int8", "shape": [None, 3]}
  inputs = {n: s["inputs"] for n, s in found["signatures"].items()}
  assert inputs == {
    "serving_default": {"observation/number": number},
    "serving_masked": {"observation/number": number, "action_mask": mask},
  }
  assert found["signatures"]["serving_masked"]["outputs"].keys() == {
    "action", "logits", "value",
  }  # fmt: skip


def test_bounds_that_numpy_writes_on_several_lines_are_one():
  space = gym.spaces.Box(-np.arange(40.0), np.arange(40.0), dtype=np.float64)
  assert "\n" in str(space)
  found = make("dqn", space, gym.spaces.Discrete(2)).describe("onnx")
  assert "\n" not in found["observation_space"]


@pytest.mark.parametrize(
  ("file_format", "path"),
  [("saved_model", "assets.extra/policy.json"), ("onnx", "policy.json")],
)
def test_the_card_says_what_policy_json_does(tmp_path, file_format, path):
  about = make(*CASES["dqn_plain"]).describe(file_format)
  policy_description.write(tmp_path, about | {"environment": "Old-v0"})
  policy_description.replace(tmp_path, about | {"environment": "New-v0"})
  found = json.loads((tmp_path / path).read_text())
  assert found == about | {"environment": "New-v0"}
  card = (tmp_path / "README.md").read_text()
  assert card.startswith("# Policy for New-v0\n")
  names = {p.name for p in tmp_path.iterdir()}
  assert names == {"README.md", path.split("/")[0]}

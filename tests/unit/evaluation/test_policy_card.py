import json
import shlex

import gymnasium as gym
import numpy as np
import pytest
from served_policies import ACTIONS, CASES, make

from agents_pipeline.evaluation import policy_card

RUN = {
  "environment": "Maze-v0",
  "arguments": {"size": 7},
  "max_episode_steps": 2000,
  "wrappers": [],
  "keys": {},
  "action_mask": None,
  "observation": {"kind": "OwnObservation"},
  "agent": "dqn",
  "env_steps": 40_000,
  "seed": 3,
  "packages": {"tensorflow": "2.21.0", "tf-keras": None, "python": "3.11.7"},
}
RESULT = {
  "mean_return": 1234.5,
  "interval_95": [1200.0, 1270.25],
  "standard_deviation": 55.0,
  "num_episodes": 20,
}


def card(name, file_format="saved_model", **about):
  described = make(*CASES[name]).describe(file_format)
  return policy_card.text(described | about)


def test_a_card_says_what_the_policy_is_and_how_good():
  lines = card("dqn_plain", **RUN, result=RESULT).splitlines()
  assert lines[0] == "# DQN policy for Maze-v0"
  assert lines[2] == (
    "Mean return **1,234.50** over 20 greedy evaluation episodes; 95 % "
    "interval 1,200.00 to 1,270.25, standard deviation of the episodes 55.00."
  )
  assert lines[4:12] == [
    "* **Environment**: `Maze-v0`",
    '* **Its arguments**: `{"size": 7}`',
    "* **Its time limit**: 2,000 env steps",
    "* **Trained for**: 40,000 env steps",
    "* **Seed**: 3",
    "* **Format**: SavedModel",
    "* **Versions**: tensorflow 2.21.0, python 3.11.7",
    "",
  ]
  assert (
    "| takes | `observation` | `float32 [B, 4]` | "
    "`Box(-5.0, 5.0, (4,), float32)` |" in lines
  )
  assert (
    "| returns | `action` | `int64 [B]` | `Discrete(3, start=-1)` |" in lines
  )


def test_a_card_without_an_evaluation_says_so():
  assert "This policy was not evaluated after training" in card("dqn_plain")


@pytest.mark.parametrize(
  ("file_format", "loaded"),
  [
    ("saved_model", 'tf.saved_model.load(".").signatures["serving_masked"]'),
    ("tflite", 'interpreter.get_signature_runner("serving_masked")'),
    ("onnx", 'onnxruntime.InferenceSession("policy_masked.onnx")'),
  ],
)
def test_every_format_has_code_of_its_own(file_format, loaded):
  text = card("dqn_masked_dict", file_format)
  assert f"policy = {loaded}\n" in text
  assert '  "action_mask": np.ones((1, 3), np.int8),\n' in text
  assert text.count("```python") == 1


def test_examples_begin_where_numbers_do():
  text = card("dqn_discrete")
  assert '  "observation": np.full((1,), 3, np.int64),\n' in text
  assert """-d '{"inputs": {"observation": [3]}}'""" in text


def test_a_request_names_a_masked_signature():
  assert (
    """-d '{"signature_name": "serving_masked", "inputs": {"observation": """
    """[[0.0, 0.0, 0.0, 0.0]], "action_mask": [[1, 1, 1]]}}'"""
  ) in card("dqn_masked")


@pytest.mark.parametrize("dtype", [np.float16, np.uint16])
def test_no_request_has_what_tensorflow_serving_cannot_read(dtype):
  space = gym.spaces.Box(0, 1, (2,), dtype)
  about = make("dqn", space, ACTIONS).describe("saved_model")
  assert "curl" not in policy_card.text(about)


def test_a_request_of_a_picture_does_not_fill_the_card():
  assert "curl" not in card("dqn_picture")


def test_names_are_quoted_as_their_language_does():
  spaces = gym.spaces.Dict({"observation/it's": gym.spaces.Box(0, 1, (1,))})
  text = policy_card.text(make("dqn", spaces, ACTIONS).describe("saved_model"))
  assert """  "observation/it's": np.zeros((1, 1), np.float32),""" in text
  command = text.split("$ ")[1].split("```")[0].replace("\\\n", " ")
  request = {"inputs": {"observation/it's": [[0.0]]}}
  assert json.loads(shlex.split(command)[-1]) == request


def test_only_a_saved_model_is_for_tensorflow_serving():
  assert "curl" in card("dqn_plain")
  assert "curl" not in card("dqn_plain", "tflite")

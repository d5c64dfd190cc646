"""Two learners on this machine, beside one with all environments."""

import os
import socket
import subprocess
import sys

import learner_process
import numpy as np
import pytest

from agents_pipeline.config import seeding
from agents_pipeline.training import episode_statistics, learners

NUM_ITERATIONS = 30
slow = pytest.mark.slow  # three processes that compile the same


def free_address():
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
  """What both learners found, and what the first said when alone."""
  folder = tmp_path_factory.mktemp("learners")
  addresses = ",".join(free_address() for _ in range(2))
  processes = [
    subprocess.Popen(
      [
        sys.executable,
        learner_process.__file__,
        str(rank),
        addresses,
        str(NUM_ITERATIONS),
        str(folder / f"{rank}.npz"),
      ],
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
      env=os.environ
      | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
      },
    )
    for rank in range(2)
  ]
  outputs = [process.communicate(timeout=300) for process in processes]
  for process, (_, err) in zip(processes, outputs, strict=True):
    assert process.returncode == 0, err
  found = [np.load(folder / f"{rank}.npz") for rank in range(2)]
  return found, outputs[0][0]


@slow
def test_learners_agree(pair):
  for found in pair[0]:
    assert found["num_learners"] == 2
    np.testing.assert_array_equal(found["all_gather"], [[0, 0], [1, 10]])
    assert found["any"].tolist() == [True, False]
    assert found["least"] == 6
    assert found["common"].tolist() == [20, 10]
    assert found["none_common"].tolist() == []
    assert found["nobody_has_any"].tolist() == []
    assert found["of_nothing"].shape == (2, 0)  # TensorFlow's would crash


@slow
def test_episodes_are_gathered_in_the_order_of_their_ends(pair):
  for found in pair[0]:
    # Of one step: those of the first environments come first.
    assert found["at"].tolist() == [8, 8, 8, 16, 24]
    assert found["returns"].tolist() == [1.5, -2.0, 5.0, 6.0, 0.25]
    assert found["lengths"].tolist() == [1, 2, 4, 5, 3]


@slow
def test_tensorflows_server_is_bound_to_the_loopback(pair):
  for found in pair[0]:
    assert found["devices"].tolist() == [b"lo"]


@slow
@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
def test_two_learners_equal_one_with_all_environments(pair, backend):
  one = learner_process.trained(seeding.Seeds(0), backend, NUM_ITERATIONS)
  first, second = pair[0]
  moved = np.abs(one["after"] - one["before"]).max()
  assert moved > 1e-3
  for found in (first, second):
    of = lambda name, found=found: found[f"{backend}_{name}"]
    np.testing.assert_array_equal(of("before"), one["before"])
    np.testing.assert_allclose(of("after"), one["after"], rtol=0, atol=1.5e-8)
    np.testing.assert_allclose(of("sums"), one["sums"], rtol=1e-5)
    # Each environment met the same, whoever had it.
    assert of("env_steps") == one["env_steps"] == NUM_ITERATIONS * 4 * 5
    np.testing.assert_array_equal(of("ended"), one["ended"])
  np.testing.assert_array_equal(
    first[f"{backend}_after"], second[f"{backend}_after"]
  )


@slow
def test_a_learner_that_lost_another_says_so(pair):
  assert pair[1] == "another learner of this run ended\n"


def test_one_alone_asks_nobody():
  alone = learners.ALONE
  episodes = episode_statistics.Episodes(*np.zeros((3, 2)))
  assert alone.gather(episodes) is episodes
  assert alone.any(True) and not alone.any(False)
  assert alone.least(3) == 3
  assert alone.common([4, 2]) == [4, 2]
  assert alone.guarded(len) is len

"""Copies in Ray actors, whose processes are ended in every way."""

import contextlib
import importlib.util
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile

import mortal
import numpy as np
import psutil
import pytest

from agents_pipeline import errors
from agents_pipeline.cluster import connection
from agents_pipeline.config import schema
from agents_pipeline.environments import loading
from agents_pipeline.evaluation import evaluator

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(  # not importorskip, which would import it
    importlib.util.find_spec("ray") is None, reason="needs Ray: make scale"
  ),
]


@pytest.fixture(autouse=True)
def no_actors():
  mortal.wait_for_the_end_of(actors)


def make(vectorization="ray", num_envs=3, arguments=None, **fields):
  config = schema.EnvironmentConfig(
    name="mortal:Mortal-v0",
    num_envs=num_envs,
    arguments=arguments or {},
    vectorization=vectorization,
    **fields,
  )
  return loading.make_training_environment(
    config, None, lambda copy, episode: 100 * copy + episode
  ).pyenv


def history(environment, num_steps=25, before_step=lambda step: None):
  """Everything that it returns, step by step."""
  rng = np.random.default_rng(0)
  with contextlib.closing(environment):
    seen = [environment.reset()]
    for step in range(num_steps):
      before_step(step)
      action = rng.integers(0, 2, environment.batch_size)
      seen += environment.step_and_reset(action)
    return seen


def assert_same(one, other):
  assert len(one) == len(other) == 51
  for a, b in zip(one, other, strict=True):
    for x, y in zip(a, b, strict=True):
      np.testing.assert_array_equal(x, y)


def actors():
  """The processes of this process's actors."""
  return mortal.actors_of(psutil.Process())


@pytest.fixture(scope="module")
def expected():
  return history(make("sync"))


def test_each_env_step_counts_once_whichever_actors_are_killed(expected):
  def kill(step):
    if step in (0, 9, 10, 17):  # before, at and after an episode's end
      alive = actors()
      assert len(alive) >= 3
      for process in alive[: 1 + step % 2]:
        process.kill()

  assert_same(history(make(), before_step=kill), expected)


def test_copies_share_an_actor(expected):
  def kill(step):
    if step == 13:
      actors()[0].kill()

  environment = make(copies_per_actor=2)  # two, and one alone
  assert_same(history(environment, before_step=kill), expected)


def test_an_actor_that_hangs_is_replaced(expected):
  def stop(step):
    if step == 5:
      actors()[0].send_signal(signal.SIGSTOP)

  environment = make(step_timeout_seconds=2.0)
  assert_same(history(environment, before_step=stop), expected)


def test_an_environment_that_ends_its_process_once_is_survived(
  expected, tmp_path
):
  arguments = {"ends_process_at": 4, "once": str(tmp_path / "once")}
  assert_same(history(make(arguments=arguments)), expected)


def test_an_environment_that_always_ends_its_process_is_named():
  with pytest.raises(errors.EnvironmentFailure) as raised:
    history(make(num_envs=1, arguments={"ends_process_at": 4}))
  assert str(raised.value).startswith(
    "environment 'mortal:Mortal-v0', copy 0, step 4 of its episode: its "
    "process died (ActorDiedError), 4 times in a row; expected"
  )


def test_an_environment_that_differs_from_process_to_process_is_named():
  def kill(step):
    if step == 3:
      actors()[0].kill()

  with pytest.raises(errors.EnvironmentFailure, match="led elsewhere"):
    history(make(num_envs=1, arguments={"is_random": True}), before_step=kill)


def test_episodes_are_evaluated_in_the_actors():
  config = schema.EnvironmentConfig(name="mortal:Mortal-v0")
  act = lambda observations: np.arange(len(observations)) % 2
  num_calls = 0

  def act_and_kill(observations):
    nonlocal num_calls
    num_calls += 1
    if num_calls in (4, 15):
      actors()[-1].kill()
    return act(observations)

  # Seven episodes in three copies: in the last round two copies are not wanted.
  expected = evaluator.evaluate(act, config, 7, seed=1, max_envs=3)
  environment = make(copies_per_actor=2)  # two, and one alone
  found = evaluator.evaluate(
    act_and_kill, config, 7, seed=1, copies=environment.copies
  )
  environment.close()
  assert found.returns == expected.returns == [0, 10, 0, 0, 10, 0, 0]
  assert found.lengths == expected.lengths == [10] * 7
  assert found.seeds == expected.seeds


def test_wrong_arguments_are_the_users_error():
  with pytest.raises(errors.UserError, match="'speed'"):
    make(arguments={"speed": 2})


def test_handlers_of_signals_stay():
  connection.connect().shutdown()
  kept = signal.signal(signal.SIGTERM, signal.SIG_IGN)
  try:
    connection.connect()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
  finally:
    signal.signal(signal.SIGTERM, kept)


def test_nothing_listens_beyond_this_machine():
  connection.connect()
  ours = psutil.Process()
  listening = [
    (process.name(), one.laddr)
    for process in [ours, *ours.children(recursive=True)]
    for one in process.net_connections("inet")
    if one.status == psutil.CONN_LISTEN
  ]
  assert listening  # otherwise this looks at nothing
  for name, address in listening:
    ip = ipaddress.ip_address(address.ip)
    assert (getattr(ip, "ipv4_mapped", None) or ip).is_loopback, (name, ip)


def test_folders_of_dead_processes_are_removed(tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
  for name in ("999999999_x", f"{os.getpid()}_y"):
    (tmp_path / f"agents_pipeline_ray_{name}").mkdir()
  connection._remove_abandoned_folders()
  left = [path.name for path in tmp_path.iterdir()]
  assert left == [f"agents_pipeline_ray_{os.getpid()}_y"]


def test_nobody_joins_without_the_token():
  address = connection.connect().get_runtime_context().gcs_address
  program = "import ray, sys; ray.init(sys.argv[1])"
  environ = os.environ | {
    "RAY_AUTH_TOKEN": "0" * 64,
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # of 20, a second apart
  }
  joining = subprocess.run(
    [sys.executable, "-c", program, address],
    env=environ,
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert joining.returncode != 0
  assert "InvalidAuthToken" in joining.stderr

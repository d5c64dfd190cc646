"""What collectors on Ray cost on this machine, as `scale_model` wants it.

python -m benchmarks.scale_costs [--quick] [--output=COSTS.json]

The steps of an environment by how they are reached, what the learner and a
collector take for themselves, weights, and how long it takes until a run goes
on after a collector or its learner was killed. Needs `make scale`, and nothing
else on the machine; a few minutes.
"""

import contextlib
import dataclasses
import functools
import itertools
import pathlib
import statistics
import time

import numpy as np
import psutil
from absl import flags

import agents_pipeline  # before TensorFlow: it chooses Keras 2
from agents_pipeline.apps import command_line
from benchmarks import (
  commands,
  machine,
  scale_model,
  scale_restart,
  scale_transports,
  slow_environment,
)

assert agents_pipeline.__version__

_LENGTH = 32  # steps of a chunk
_LAYERS = (4, 64, 64, 2)  # of the policy; DqnConfig's
_NUM_LEARNER_COPIES = (1, 16)
_LEARNER_STEPS = 1_024  # of a chunk that is learned from without asking
_WEIGHTS_BYTES = (10**4, 10**6, 10**7)


class _Collectors:
  """Collectors with one copy each, asked without a learner."""

  def __init__(self, num_collectors: int, policy: object | None = None):
    """Starts the collectors.

    Args:
      num_collectors: the number of collectors.
      policy: the policy of all; None for a network of `_LAYERS`.
    """
    from agents_pipeline.agents.q_learning import acting
    from agents_pipeline.cluster import connection
    from agents_pipeline.environments import (
      making,
      ray_collector_actor,
      ray_collectors,
    )

    self.ray = connection.connect()
    self._plan = ray_collector_actor.Plan
    self.weights = [
      np.zeros(shape, np.float32)
      for inputs, units in itertools.pairwise(_LAYERS)
      for shape in ((units, inputs), (units,))
    ]
    policy = policy or acting.EpsilonGreedy(
      functools.partial(acting.MlpQ, "relu", False), 2, num_collectors, seed=0
    )
    self.each = [
      ray_collectors.RayCollector(
        scale_transports.configuration("ray", 1),
        making.environment_spec(slow_environment.NAME),
        1,
        f"copy {i}",
        ray_collector_actor.CollectorActor,
        (policy, scale_transports.episode_seed, range(i, i + 1)),
      )
      for i in range(num_collectors)
    ]
    for collector in self.each:
      collector.started()
      self.begin_episode(collector)

  def begin_episode(self, collector) -> None:
    """Resets the copy of a collector."""
    collector.reset_async([0], np.ones(1, bool))
    collector.reset_wait()

  def ask(self, collector, num_steps: int, request: object) -> None:
    """Asks for a chunk; the request may be Ray's reference to it."""
    episodes: np.ndarray = np.zeros(1, np.int64)
    collector.collect_async(self._plan(0, episodes, num_steps), request)

  def request(self, num_steps: int) -> list[np.ndarray]:
    """The request with which the network acts greedily."""
    return [np.zeros(num_steps), *self.weights]

  def seconds_of_chunk(self, num_steps: int) -> float:
    """Seconds from asking the first collector, with weights, to its answer."""
    start = time.perf_counter()
    request = self.ray.put(self.request(num_steps))
    self.ask(self.each[0], num_steps, request)
    self.each[0].collect_wait()
    return time.perf_counter() - start

  def seconds_of_messages(self) -> float:
    """The caller's seconds per collector, to ask for a chunk and to take it."""
    request = self.ray.put(self.request(_LENGTH))
    start = time.perf_counter()
    for collector in self.each:
      self.ask(collector, _LENGTH, request)
    asked = time.perf_counter() - start
    time.sleep(0.3)  # until all are there
    start = time.perf_counter()
    for collector in self.each:
      collector.collect_wait()
    return (asked + time.perf_counter() - start) / len(self.each)

  def seconds_to_recover(self) -> float:
    """Seconds from a kill of the only collector to its chunk from another."""
    (process,) = _collector_processes()
    request = self.ray.put(self.request(_LENGTH))
    start = time.perf_counter()
    self.ask(self.each[0], _LENGTH, request)
    process.kill()
    self.each[0].collect_wait()
    return time.perf_counter() - start

  def close(self) -> None:
    """Ends the collectors, and waits until they have ended."""
    for collector in self.each:
      collector.kill()
    psutil.wait_procs(_collector_processes(), timeout=10)


def _collector_processes() -> list[psutil.Process]:
  """The processes of the collectors that are alive."""
  found = []
  for child in psutil.Process().children(recursive=True):
    with contextlib.suppress(psutil.NoSuchProcess):
      if child.name().startswith("ray::CollectorActor") and (
        child.status() != psutil.STATUS_ZOMBIE
      ):
        found.append(child)
  return found


def _of_collectors(num_rounds: int) -> dict[str, float]:
  """Measures `answer`, `act`, `message`, `recovery` of `scale_model.Costs`."""
  collectors = _Collectors(4)
  one, many, messages = [], [], []
  for turn in range(num_rounds + 1):
    # An episode has 200 steps, and every turn begins one.
    for collector in collectors.each:
      collectors.begin_episode(collector)
    found = [collectors.seconds_of_chunk(n) for n in (1, 1 + _LENGTH)]
    message = collectors.seconds_of_messages()
    if turn:  # the first warms up
      one.append(found[0])
      many.append(found[1])
      messages.append(message)
  collectors.close()
  act = (statistics.median(many) - statistics.median(one)) / _LENGTH
  collectors = _Collectors(1)
  collectors.seconds_of_chunk(_LENGTH)
  recoveries = []
  for _ in range(max(num_rounds // 4, 1)):
    recoveries.append(collectors.seconds_to_recover())
    collectors.begin_episode(collectors.each[0])
  collectors.close()
  return {
    "answer": statistics.median(one) - act,
    "act": act,
    "message": statistics.median(messages),
    "recovery": statistics.median(recoveries),
  }


def _of_weights(num_rounds: int) -> list[dict]:
  """Rows of seconds: to put weights, and until a collector answers by them."""
  collectors = _Collectors(1, slow_environment.Always0())
  rows = []
  for num_bytes in _WEIGHTS_BYTES:
    weights: np.ndarray = np.zeros(num_bytes, np.uint8)
    puts, answers = [], []
    for _ in range(num_rounds + 1):
      collectors.begin_episode(collectors.each[0])
      start = time.perf_counter()
      request = collectors.ray.put([weights])
      puts.append(time.perf_counter() - start)
      collectors.ask(collectors.each[0], 1, request)
      collectors.each[0].collect_wait()
      answers.append(time.perf_counter() - start)
    rows.append(
      {
        "num_bytes": num_bytes,
        "put": statistics.median(puts[1:]),
        "answer": statistics.median(answers[1:]),
      }
    )
  collectors.close()
  return rows


class _Learner:
  """Iterations of DQN that learn from a chunk which has been collected."""

  def __init__(self, num_copies: int):
    import tensorflow as tf

    from agents_pipeline.agents import building
    from agents_pipeline.config import gin_files, seeding

    experiment = gin_files.load_experiment(
      [],
      [
        "Experiment.agent = @DqnConfig()",
        "DqnConfig.num_env_steps_before_training = 64",
        "DqnConfig.num_random_env_steps = 64",
        *scale_restart.lockstep_bindings(num_copies),
        f"EnvironmentConfig.copies_per_actor = {num_copies}",
        f"RayCollectors.num_steps_per_chunk = {_LEARNER_STEPS}",
        "RayCollectors.staleness_chunks = 0",
        "TrainingConfig.num_env_steps = 1_000_000_000",
      ],
    )
    self._pipeline = building.build(experiment, seeding.Seeds(0))
    num_collected = -(-64 // num_copies)
    self._pipeline.compiled.collect(tf.constant(num_collected))
    self._train(_LEARNER_STEPS - num_collected)  # to the end of the chunk
    self.close = self._pipeline.close

  def run(self) -> float:
    """Returns seconds per iteration, of a chunk but its first step."""
    self._train(1)  # which waits for the chunk
    return self._train(_LEARNER_STEPS - 1) / (_LEARNER_STEPS - 1)

  def _train(self, count: int) -> float:
    import tensorflow as tf

    start = time.perf_counter()
    totals = self._pipeline.compiled.train(tf.constant(count))
    assert int(totals.num_train_steps) == count  # waits for the result
    seconds = time.perf_counter() - start
    self._pipeline.interval.end(self._pipeline.statistics)
    return seconds


def _of_learner(num_rounds: int) -> dict[str, float]:
  """Measures `iteration` and `copy` of `scale_model.Costs`."""
  sides = {num: _Learner(num) for num in _NUM_LEARNER_COPIES}
  found: dict[int, list[float]] = {num: [] for num in sides}
  for _ in range(num_rounds):
    for num, side in sides.items():
      found[num].append(side.run())
  for side in sides.values():
    side.close()
  few, many = _NUM_LEARNER_COPIES
  of_few, of_many = (statistics.median(found[num]) for num in (few, many))
  copy = max(of_many - of_few, 0.0) / (many - few)  # less than the noise
  return {"iteration": of_few - few * copy, "copy": copy}


def measure(is_quick: bool) -> dict:
  """Measures everything, as plain data for JSON."""
  num_rounds = 3 if is_quick else 20
  about = machine.describe()  # before this is a load itself
  command_line.report("a run whose learner is killed")
  restarts = [scale_restart.measure() for _ in range(1 if is_quick else 3)]
  with command_line.quiet_imports():
    from agents_pipeline.agents import building

    assert building
  steps = scale_transports.measure(
    min(num_rounds, 7), report=command_line.report
  )
  command_line.report("collectors, weights and the learner")
  of_collectors = _of_collectors(num_rounds)
  weights = _of_weights(num_rounds)
  of_learner = _of_learner(min(num_rounds, 7))
  floats = sum(
    (inputs + 1) * units for inputs, units in itertools.pairwise(_LAYERS)
  )
  costs = scale_model.Costs(
    **of_collectors,
    **of_learner,
    restart=statistics.median(restarts),
    weights_bytes=4 * floats,
  )
  return {
    "about": about,
    "costs": dataclasses.asdict(costs),
    "steps": steps,
    "weights": weights,
  }


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  found = measure(flags.FLAGS.quick)
  path = pathlib.Path(flags.FLAGS.output)
  commands.write_json(path, found)
  print(scale_model.costs_markdown(found))
  command_line.report(f"written: {path}")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_bool("quick", False, "Few rounds: to try it.")
  flags.DEFINE_string(
    "output", "runs/bench/scale_costs.json", "A JSON file to write."
  )
  command_line.run(main)

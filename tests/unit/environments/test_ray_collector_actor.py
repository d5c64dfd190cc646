"""What a collector does in its process, called in this one."""

import gymnasium as gym
import nested_task
import numpy as np

from agents_pipeline.config import schema
from agents_pipeline.environments import leaves
from agents_pipeline.environments.ray_collector_actor import (
  CollectorActor,
  Plan,
)


class AddsUp:
  """Acts by the sum of what it sees, the copy's number and the step's."""

  def prepare(self):
    self.is_prepared = True

  def begin_chunk(self, request, number, copies, num_steps):
    assert self.is_prepared
    self._offset, self._copies = request[0] + number, copies

  def action(self, observation, place, step):
    seen = sum(float(values.sum()) for _, values in leaves.arrays(observation))
    return int(seen + self._offset + self._copies[place] + step) % 2


def start(copies):
  config = schema.EnvironmentConfig(
    name=nested_task.NAME, action_mask="info", num_envs=len(copies)
  )
  actor = CollectorActor([])
  spec = gym.spec(nested_task.NAME.partition(":")[2])
  seed = lambda copy, episode: 100 * copy + episode
  actor.start(config, spec, AddsUp(), seed, copies)
  actor.reset([seed(i, 3) for i in copies], np.ones(len(copies), bool))
  return actor


def episodes(copies):
  return np.full(len(copies), 3)


def collect(copies, num_chunks=2):
  """Chunks of seven steps each; episodes have five."""
  actor, chunks, numbers = start(copies), [], episodes(copies)
  for number in range(num_chunks):
    chunk = actor.collect(Plan(number, numbers, 7), [np.int64(1)])
    numbers = numbers + chunk.ended.sum(axis=0)
    chunks.append(chunk)
  return chunks


def assert_same(one, other):
  for a, b in zip(one[:5], other[:5], strict=True):
    for (_, x), (_, y) in zip(leaves.arrays(a), leaves.arrays(b), strict=True):
      np.testing.assert_array_equal(x, y)


def part(values, i):
  return leaves.map_leaves(lambda array: array[:, i : i + 1], values)


def test_episodes_go_on_from_chunk_to_chunk_with_seeds_of_their_own():
  first, second = collect(range(2))
  ends = np.concatenate([first.ended, second.ended])[:, 0]
  assert np.flatnonzero(ends).tolist() == [4, 9]
  assert first.seeds == [4, 104]  # episode 4 of copies 0 and 1
  assert second.seeds == [5, 105]
  assert list(first.after_resets) == [4]
  reached, begun = first.observations, first.after_resets[4]
  vector = "observation/vector"
  assert (reached[vector][4] != begun[vector]).any() or (
    reached["observation/picture"][4] != begun["observation/picture"]
  ).any()
  np.testing.assert_array_equal(first.observed_at(4)[vector], begun[vector])
  np.testing.assert_array_equal(
    first.observed_at(3)[vector], reached[vector][3]
  )


def test_a_copy_does_not_depend_on_who_shares_its_actor():
  together = collect(range(2))
  for i in range(2):
    for alone, both in zip(collect(range(i, i + 1)), together, strict=True):
      assert_same(alone, [part(values, i) for values in both[:5]])
  assert set(together[0].actions.ravel()) == {5, 6}  # as Nested counts them


def test_given_actions_lead_to_the_same_chunk():
  copies = range(2)
  first = collect(copies, 1)[0]
  plan = Plan(9, episodes(copies), 7, first.actions)
  again = start(copies).collect(plan, [])
  assert_same(first, again)
  assert again.seeds == first.seeds

"""Stacked frames are stored once and sampled as the environment gave them.

Every frame is a tiny image whose pixels are its own number, from 1, so a stack
is four numbers: [0, 0, 1, 2] is an episode's second observation.
"""

import collections

import numpy as np
import pytest
import replay_rows
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.ops import random_stream
from agents_pipeline.replay import specs, storage, uniform
from agents_pipeline.training import around_python

FIRST, MID, LAST = 0, 1, 2
N = 4  # frames of a stack


def experience(num_envs=2, frame_shape=(2, 3), **sampling):
  sampling = {"num_frames": N, "batch_size": 300} | sampling
  return specs.ReplaySpec(
    tensor_spec.TensorSpec((N, *frame_shape), tf.uint8),
    tensor_spec.TensorSpec((), tf.int64),
    num_envs,
    **sampling,
  )


def make_buffer(num_envs=2, max_length=7, frame_shape=(2, 3), n_step=1):
  return uniform.UniformReplayBuffer(
    experience(num_envs, frame_shape, n_step=n_step),
    max_length,
    random_stream.RandomStream(0),
  )


# Of an episode: its steps, and whether it terminates (else it is truncated).
ONE = [(1, True), (2, False), (3, True), (6, False)]
OTHER = [(3, False), (1, False), (5, True), (2, True), (1, True)]

Step = collections.namedtuple(
  "Step", "kind stack next_kind next_stack discount"
)


class Emitter:
  """One environment: it stacks frames itself, and remembers what it gave.

  Frame numbers go up by one, over the ends of episodes too.

  Attributes:
    stacks: newest frame -> the stack it was given in.
    kinds: newest frame -> step type.
  """

  def __init__(self, first_number, episodes, resets_take_a_step=False):
    self._number, self._episodes = first_number - 1, collections.deque(episodes)
    self._resets_take_a_step = resets_take_a_step
    self.stacks, self.kinds = {}, {}
    self.begin()

  def begin(self):
    self._length, self._terminates = self._episodes[0]
    self._episodes.rotate(-1)
    self._frames, self._num_steps = collections.deque([0] * N, N), 0
    self._now = (FIRST, self._give(FIRST))

  def abandon(self):
    """Begins another episode; the one under way ends where it stands."""
    if self._num_steps:
      self.kinds[self._number] = LAST
    else:  # nobody acted in it
      del self.stacks[self._number], self.kinds[self._number]
      self._number -= 1
    self.begin()

  def _give(self, kind):
    self._number += 1
    self._frames.append(self._number)
    self.stacks[self._number] = tuple(self._frames)
    self.kinds[self._number] = kind
    return tuple(self._frames)

  def step(self):
    kind, stack = self._now
    if kind == LAST:  # this step only resets
      self.begin()
      return Step(kind, stack, *self._now, 1)
    self._num_steps += 1
    ends = self._num_steps == self._length
    next_kind = LAST if ends else MID
    self._now = (next_kind, self._give(next_kind))
    step = Step(kind, stack, *self._now, float(not (ends and self._terminates)))
    if ends and not self._resets_take_a_step:
      self.begin()
    return step

  def seen(self):
    """Frames that were acted from or reached, in order."""
    return [n for n in self.stacks if n < self._number or self._num_steps]

  def rows(self, max_length):
    """Frames that a ring must hold; the newest is in a row when acted from."""
    seen = self.seen()
    is_open = self.kinds[seen[-1]] != LAST
    return seen[-max_length - is_open : len(seen) - is_open]


def transition(steps, frame_shape=(2, 3)):
  """Of [B]; its reward is the newest frame's number, and its action too."""
  images = lambda stacks: tf.constant(
    np.broadcast_to(
      np.reshape(stacks, np.shape(stacks) + (1,) * len(frame_shape)),
      (*np.shape(stacks), *frame_shape),
    ),
    tf.uint8,
  )
  kind, stack, next_kind, next_stack, discount = map(
    np.array, zip(*steps, strict=True)
  )
  newest = stack[:, -1]
  return trajectory.Transition(
    ts.TimeStep(
      tf.constant(kind, tf.int32),
      tf.zeros(len(steps)),
      tf.ones(len(steps)),
      images(stack),
    ),
    policy_step.PolicyStep(tf.constant(newest, tf.int64), (), ()),
    ts.TimeStep(
      tf.constant(next_kind, tf.int32),
      tf.constant(newest, tf.float32),
      tf.constant(discount, tf.float32),
      images(next_stack),
    ),
  )


def numbers(observation):
  """[..., N, *frame] -> [..., N]; all pixels of a frame must agree."""
  flat = np.reshape(observation, (*np.shape(observation)[:3], -1))
  np.testing.assert_array_equal(flat, flat[..., :1] + np.zeros_like(flat))
  return flat[..., 0]


def add(buffer, envs, count=1, frame_shape=(2, 3), add_batch=None):
  for _ in range(count):
    items = transition([env.step() for env in envs], frame_shape)
    (add_batch or buffer.add)(items)


def check_windows(windows, envs):
  """Every stack of every row is what its environment gave.

  What comes after the newest row is nothing yet, and only after a LAST one.

  Returns:
    The newest frames of the windows [S, T].
  """
  given = {n: stack for env in envs for n, stack in env.stacks.items()}
  kinds = {n: kind for env in envs for n, kind in env.kinds.items()}
  stacks = numbers(windows.observation)  # [S, T, N]
  for stack, kind in zip(stacks, windows.step_type.numpy(), strict=True):
    first = int(stack[0, -1])
    (newest,) = (env.seen()[-1] for env in envs if first in env.stacks)
    there = range(first, min(first + len(stack), newest + 1))
    assert len(there) == len(stack) or kinds[newest] == LAST
    assert stack[: len(there)].tolist() == [list(given[n]) for n in there]
    assert kind[: len(there)].tolist() == [kinds[n] for n in there]
  return stacks[..., -1]


@pytest.mark.parametrize("num_steps", [2, 3, 5])
@pytest.mark.parametrize("resets_take_a_step", [False, True])
def test_every_stack_is_what_the_environment_gave(
  compiled, num_steps, resets_take_a_step
):
  """Of every row that there is, at every 9th step of ten turns of a ring."""
  envs = [
    Emitter(1, ONE, resets_take_a_step),
    Emitter(131, OTHER, resets_take_a_step),
  ]
  buffer = make_buffer()

  def add_batch(items):
    buffer.add(items)

  add_batch = compiled(add_batch)
  sample = compiled(lambda: replay_rows.windows(buffer, 200, num_steps))
  kinds = set()
  for _ in range(9):
    add(buffer, envs, 9, add_batch=add_batch)
    windows = sample()
    first = check_windows(windows, envs)[:, 0]
    # Windows of 2 begin anywhere, the longer ones where they fit.
    assert set(first.tolist()) == {
      n for env in envs for n in env.rows(7)[: 9 - num_steps]
    }
    kinds |= set(windows.step_type[:, 0].numpy().tolist())
  assert len(envs[0].seen()) > 10 * 7
  assert kinds == {FIRST, MID, LAST}


def test_the_oldest_rows_stack_reaches_past_it():
  """Nine frames of one episode: of the rows acted from, the last 3 are kept."""
  env = Emitter(1, [(20, True)])
  buffer = make_buffer(num_envs=1, max_length=3)
  add(buffer, [env], 8)
  np.testing.assert_array_equal(
    numbers(replay_rows.kept(buffer).observation)[0],
    [[3, 4, 5, 6], [4, 5, 6, 7], [5, 6, 7, 8]],
  )
  windows = replay_rows.windows(buffer, 50, 2)
  assert numbers(windows.observation)[:, 1].max() == 9


def test_a_reset_step_does_not_break_stacks():
  """Eight steps to the LAST frame, 9; the ring keeps its rows from the 7th."""
  env = Emitter(1, [(8, True), (9, True)], resets_take_a_step=True)
  buffer = make_buffer(num_envs=1, max_length=3)
  add(buffer, [env], 9)
  kept = replay_rows.kept(buffer)
  assert kept.step_type.numpy().tolist() == [[MID, MID, LAST]]
  np.testing.assert_array_equal(
    numbers(kept.observation)[0],
    [[4, 5, 6, 7], [5, 6, 7, 8], [6, 7, 8, 9]],
  )


def test_black_before_an_episodes_first_frame_and_its_last_is_kept():
  """Episodes of 1 step, terminated, and of 2, truncated."""
  env = Emitter(1, [(1, True), (2, False), (9, True)])
  buffer = make_buffer(num_envs=1, max_length=20)
  add(buffer, [env], 4)
  kept = replay_rows.kept(buffer)
  assert kept.step_type.numpy().tolist() == [[0, 2, 0, 1, 2, 0]]
  np.testing.assert_array_equal(
    numbers(kept.observation)[0],
    [
      [0, 0, 0, 1],
      [0, 0, 1, 2],
      [0, 0, 0, 3],
      [0, 0, 3, 4],
      [0, 3, 4, 5],
      [0, 0, 0, 6],
    ],
  )
  assert kept.discount.numpy()[0, [0, 3]].tolist() == [0, 1]


def test_an_unfinished_episode_ends_where_it_stands():
  """After two steps; the next one's stacks do not reach back to it."""
  env = Emitter(1, [(9, True)])
  buffer = make_buffer(num_envs=1)
  add(buffer, [env], 2)
  buffer.abandon_episodes()
  env.abandon()
  add(buffer, [env], 2)
  kept = replay_rows.kept(buffer)
  assert kept.step_type.numpy().tolist() == [[0, 1, 2, 0, 1]]
  assert kept.next_step_type.numpy()[0, [0, 1, 3]].tolist() == [1, 2, 1]
  assert kept.discount.numpy()[0, 1] == 1  # truncated
  np.testing.assert_array_equal(
    numbers(kept.observation)[0],
    [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [0, 0, 0, 4], [0, 0, 4, 5]],
  )


@pytest.mark.parametrize("count", range(1, 16))
def test_episodes_ended_after_any_number_of_steps(count):
  envs = [Emitter(1, ONE), Emitter(131, OTHER)]
  buffer = make_buffer()
  add(buffer, envs, count)
  buffer.abandon_episodes()
  for env in envs:
    env.abandon()
  add(buffer, envs, 3)
  newest = check_windows(replay_rows.windows(buffer, 300, 3), envs)
  assert set(newest[:, 0].tolist()) == {
    n for env in envs for n in env.rows(7)[:-1]
  }


@pytest.mark.parametrize("frame_shape", [(1,), (2, 2, 3)])
def test_frames_of_any_shape_are_stacked(frame_shape):
  env = Emitter(1, ONE)
  buffer = make_buffer(num_envs=1, frame_shape=frame_shape)
  add(buffer, [env], 30, frame_shape)
  windows = replay_rows.windows(buffer, 100, 3)
  assert windows.observation.shape == (100, 3, N, *frame_shape)
  assert windows.observation.dtype == tf.uint8
  check_windows(windows, [env])


@pytest.mark.parametrize("n_step", [1, 2, 3])
def test_a_dataset_gives_transitions_of_the_same_stacks(n_step):
  envs = [Emitter(1, ONE), Emitter(131, OTHER)]
  stacks = lambda: {n: s for env in envs for n, s in env.stacks.items()}
  kinds = lambda: {n: kind for env in envs for n, kind in env.kinds.items()}
  buffer = make_buffer(n_step=n_step)
  batches = iter(around_python.dataset_of(buffer))
  for _ in range(5):
    add(buffer, envs, 7)
    own, _, reached = next(batches).transitions
    both = numbers(
      np.stack([own.observation, reached.observation], axis=1)
    )  # [S, 2, N]
    for first, last in both[~own.is_last()]:
      begin, end = int(first[-1]), int(last[-1])
      steps = [kinds()[n] for n in range(begin + 1, end + 1)]
      # So many steps, or fewer to the end of the episode.
      assert len(steps) == n_step or steps[-1] == LAST
      assert LAST not in steps[:-1]
      assert first.tolist() == list(stacks()[begin])
      assert last.tolist() == list(stacks()[end])


def test_one_frame_per_step_is_stored():
  """84 x 84 pixels and 24 bytes of other fields; stacks are four times that."""
  per_step = storage.num_bytes(experience(8, (84, 84)), 1_000) / 8_000
  assert per_step == pytest.approx(84 * 84, rel=0.05)
  stacks = (
    storage.num_bytes(experience(8, (84, 84), num_frames=1), 1_000) / 8_000
  )
  assert stacks == pytest.approx(4 * per_step, rel=0.05)
  # 6 + 4 + 8 + 4 + 4 + 4 bytes a row of two rings: 7 rows, 2 spare ones, and 3
  # that the oldest one's stack reaches back to.
  buffer = make_buffer()
  needed = storage.num_bytes(experience(), 7)
  assert needed == 30 * 2 * 12
  assert needed == sum(
    v.shape.num_elements() * v.dtype.size
    for v in buffer.variables
    if v.name.startswith("table")
  )

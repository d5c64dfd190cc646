"""The frame rate of recordings; their process is in faults/test_renderer."""

import gymnasium as gym

from agents_pipeline.config import observations, schema
from agents_pipeline.evaluation import recording


def test_a_video_plays_in_real_time():
  """Atari has 60 frames per second, and 4 of them are one env step."""
  atari = schema.EnvironmentConfig(
    "ALE/Pong-v5", observation=observations.AtariObservation()
  )
  env, recorded = gym.make("CartPole-v1"), recording.Recording()
  assert recording._frames_per_second(env, atari, recorded) == 15
  own = schema.EnvironmentConfig("CartPole-v1")
  assert recording._frames_per_second(env, own, recorded) == 50
  assert recorded.unplayable_fps is None

"""From a gymnasium id to an environment to train on."""

import functools
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import observations
from agents_pipeline.config import schema as experiment_config
from agents_pipeline.environments import (
  checked_vector,
  gymnasium_vector,
  making,
  python_bridge,
)
from agents_pipeline.environments.tensor import (
  acrobot,
  cart_pole,
  flappy_ball,
  mountain_car,
  pendulum,
  tensor_environment,
)

TrainingEnvironment = (
  tensor_environment.TensorEnvironment | python_bridge.HostEnvironment
)

# gymnasium id -> (batch_size, rng) -> environment.
TENSOR_ENVIRONMENTS: dict[
  str, Callable[..., tensor_environment.TensorEnvironment]
] = {
  "Acrobot-v1": functools.partial(acrobot.Acrobot, 500),
  "CartPole-v0": functools.partial(cart_pole.CartPole, 200),
  "CartPole-v1": functools.partial(cart_pole.CartPole, 500),
  "FlappyBall-v0": flappy_ball.FlappyBall,
  "MountainCar-v0": functools.partial(mountain_car.MountainCar, 200),
  "Pendulum-v1": functools.partial(pendulum.Pendulum, 200),
}


def is_tensor(config: experiment_config.EnvironmentConfig) -> bool:
  """Whether training runs in TensorFlow ops.

  Args:
    config: its `backend` and `observation` decide.

  Raises:
    UserError: the backend 'tensor' is asked for and there is none.
  """
  if config.backend == "tensor" and config.name not in TENSOR_ENVIRONMENTS:
    raise errors.UserError(
      f"EnvironmentConfig.backend = 'tensor': {config.name!r} has no tensor "
      f"version; expected one of {', '.join(TENSOR_ENVIRONMENTS)}, or the "
      "backend 'gymnasium'"
    )
  return (
    config.backend != "gymnasium"
    and config.name in TENSOR_ENVIRONMENTS
    and isinstance(config.observation, observations.OwnObservation)
  )


def make_training_environment(
  config: experiment_config.EnvironmentConfig, rng, episode_seed
) -> TrainingEnvironment:
  """Makes what is trained on, not yet reset.

  Args:
    config: what to make.
    rng: a `RandomStream`, for tensor environments.
    episode_seed: (environment index, episode number) -> seed, for Python ones.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  if is_tensor(config):
    if config.vectorization != "sync":
      raise errors.UserError(
        f"EnvironmentConfig.vectorization = {config.vectorization!r}: "
        f"{config.name!r} is trained on in TensorFlow ops, which nothing "
        "vectorizes; expected EnvironmentConfig.backend = 'gymnasium' with it"
      )
    make = TENSOR_ENVIRONMENTS[config.name]
    return make(batch_size=config.num_envs, rng=rng)
  made = making.make_vector_environment(config)
  try:
    with making.one_line(config.name):  # its spaces may raise
      vector_env = checked_vector.CheckedVectorEnv(
        made,
        config.name,
        config.max_episode_env_steps,
        config.step_timeout_seconds,
        copies_are_checked=config.vectorization != "vector_entry_point",
      )
      adapter = gymnasium_vector.GymnasiumEnvironment(
        vector_env, config.name, episode_seed
      )
      return python_bridge.HostEnvironment(adapter)
  except BaseException:
    made.close()
    raise

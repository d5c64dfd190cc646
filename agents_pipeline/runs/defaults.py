"""An experiment for any environment: what `train --environment=NAME` runs.

The agent is chosen by the actions, the network by the observations. The numbers
are ones that work on many tasks rather than best on one; config.gin has all of
them, to go on from.
"""

import re
from collections.abc import Callable, Sequence

import gymnasium as gym

from agents_pipeline import errors
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.config import fields, gin_files, schema

# Inputs in their own units, a target that follows slowly whatever the length of
# the run (Lillicrap et al. 2016), double (van Hasselt et al. 2016), and the
# clipping of Stable-Baselines3.
_DQN = """
Experiment.agent = @DqnConfig()
TrainingConfig.num_env_steps = 100_000
TrainingConfig.log_period_env_steps = 2_000
EvaluationConfig.period_env_steps = 5_000
EvaluationConfig.num_episodes = 50
DqnConfig.normalize_observations = True
DqnConfig.double = True
DqnConfig.initial_weights = 'uniform'
DqnConfig.hidden_layers = (128, 128)
DqnConfig.batch_size = 64
DqnConfig.target_update_tau = 0.005
DqnConfig.gradient_clip_global_norm = 10.0
DqnConfig.optimizer = @Adam()
Adam.learning_rate = 0.0005
DqnConfig.epsilon = @LinearEpsilon()
LinearEpsilon.num_env_steps = 20_000
"""

# One update per four env steps, and a rate for convolutions: Mnih et al. (2015)
# as in Stable-Baselines3 and RL Zoo.
_DQN_IMAGES = """
DqnConfig.normalize_observations = False
DqnConfig.num_collect_steps_per_iteration = 4
DqnConfig.hidden_layers = (512,)
DqnConfig.target_update_tau = 0.02
Adam.learning_rate = 0.0001
"""

# Inputs and rewards in their own units and advantages of longer rollouts, as in
# RL Zoo's A2C for continuous tasks; some entropy (Mnih et al. 2016), without
# which a policy that has met no reward stops looking for it.
_A2C = """
Experiment.agent = @A2cConfig()
EnvironmentConfig.num_envs = 8
TrainingConfig.num_env_steps = 500_000
TrainingConfig.log_period_env_steps = 10_000
TrainingConfig.checkpoint_period_env_steps = 50_000
EvaluationConfig.period_env_steps = 25_000
EvaluationConfig.num_episodes = 50
A2cConfig.normalize_observations = True
A2cConfig.normalize_rewards = True
A2cConfig.gae_lambda = 0.95
A2cConfig.num_rollout_steps = 16
A2cConfig.entropy_coefficient = 0.01
A2cConfig.optimizer = @Adam()
Adam.learning_rate = 0.0007
"""

_A2C_IMAGES = """
A2cConfig.normalize_observations = False
A2cConfig.shared_torso = True
A2cConfig.hidden_layers = (512,)
A2cConfig.activation = 'relu'
Adam.learning_rate = 0.0003
"""


def experiment_for(
  name: str,
  bindings: Sequence[str] = (),
  report: Callable[[str], None] = lambda line: None,
) -> schema.Experiment:
  """Chooses an experiment for an environment.

  Args:
    name: a gymnasium id.
    bindings: single bindings such as "DqnConfig.gamma = 0.9"; they come last.
    report: a function that gets a line about what was chosen.

  Raises:
    UserError: there is no such environment, or a binding does not fit.
  """
  looked_at = _load(name, bindings)
  if looked_at.environment.name != name:
    raise errors.UserError(
      f"--environment={name!r} and EnvironmentConfig.name = "
      f"{looked_at.environment.name!r}: expected one of them"
    )
  task = task_lib.task_of(looked_at)
  text = _with_name(_text_for(task, _bound_agent(bindings)), name)
  experiment = gin_files.load_experiment([], bindings, base=text, report=report)
  agent, training = experiment.agent, experiment.training
  report(
    f"{name}: {agent.agent_name}, {training.num_env_steps:,} env steps; "
    "config.gin in the run folder has every setting"
  )
  return experiment


def _load(name: str, bindings: Sequence[str]) -> schema.Experiment:
  """An experiment to look at its environment, whichever agent acts in it."""
  try:
    return gin_files.load_experiment([], bindings, base=_with_name(_DQN, name))
  except errors.UserError:  # such as a binding of the other agent
    return gin_files.load_experiment([], bindings, base=_with_name(_A2C, name))


def _bound_agent(bindings: Sequence[str]) -> str | None:
  """The class of the agent that a user has chosen; None leaves it to us."""
  found = re.findall(r"Experiment\.agent\s*=\s*@(\w+)", "\n".join(bindings))
  return found[-1] if found else None


def _text_for(task: task_lib.Task, agent: str | None) -> str:
  """The bindings that fit the spaces of a task, and an agent that is bound."""
  is_discrete = isinstance(task.action_space, gym.spaces.Discrete)
  name = agent or ("DqnConfig" if is_discrete else "A2cConfig")
  is_dqn = issubclass(
    fields.CLASSES.get(name, schema.AgentConfig), q_config.QLearningConfig
  )
  text = _DQN if is_dqn else _A2C
  if task_lib.image_shapes(task):
    text += _DQN_IMAGES if is_dqn else _A2C_IMAGES
    if task_lib.non_image_leaves(task):
      family = "DqnConfig" if is_dqn else "A2cConfig"
      text += f"{family}.normalize_observations = True\n"  # of the numbers
  return text.replace("DqnConfig", name)  # its family shares what is bound


def _with_name(text: str, name: str) -> str:
  return f"{text}EnvironmentConfig.name = {name!r}\n"

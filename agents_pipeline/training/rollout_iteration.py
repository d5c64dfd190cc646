"""The iteration of agents that train on rollouts: T steps, then one update."""

import dataclasses

from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.training import drivers, iterations, rollouts


@dataclasses.dataclass(frozen=True)
class RolloutIteration:
  """Acts for T steps, then trains on all of them. XLA can compile it.

  Attributes:
    driver: the driver, which acts by the agent's collect policy.
    agent: the agent to train.
    num_steps: the length of a rollout, T.
  """

  driver: drivers.StepDriver
  agent: interfaces.Agent
  num_steps: int

  def train(
    self, time_step: ts.TimeStep, totals: iterations.TrainTotals
  ) -> tuple[ts.TimeStep, iterations.TrainTotals]:
    """Acts for T steps, then does one update."""
    rollout, time_step = rollouts.on_device(
      self.driver, self.num_steps, time_step
    )
    return time_step, totals.add(self.agent, self.agent.train(rollout))

  def learn(
    self,
    steps: rollouts.PythonSteps,
    time_step: ts.TimeStep,
    totals: iterations.TrainTotals,
  ) -> tuple[ts.TimeStep, iterations.TrainTotals]:
    """Does one update from T steps that were done in Python."""
    rollout, time_step = rollouts.of_python_steps(self.driver, steps, time_step)
    return time_step, totals.add(self.agent, self.agent.train(rollout))

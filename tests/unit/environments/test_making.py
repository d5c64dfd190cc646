"""gymnasium environments by their ids."""

from agents_pipeline.config import schema
from agents_pipeline.environments import making


def test_a_module_is_imported_for_its_environments(tmp_path, monkeypatch):
  (tmp_path / "user_package.py").write_text(
    "import gymnasium as gym\n"
    "from gymnasium.envs.classic_control import CartPoleEnv\n"
    "gym.register('User-v0', CartPoleEnv, max_episode_steps=7)\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  name = "user_package:User-v0"
  assert making.environment_spec(name).max_episode_steps == 7
  env = making.make_evaluation_environment(schema.EnvironmentConfig(name))
  assert env.spec.max_episode_steps == 7

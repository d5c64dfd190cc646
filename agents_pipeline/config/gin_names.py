"""Error messages and suggestions for unknown gin names."""

import dataclasses
from collections.abc import (
  Collection,
  Iterable,
  Iterator,
  Mapping,
  Sequence,
)

from agents_pipeline import errors
from agents_pipeline.config import fields, gin_choices, gin_syntax

_OPTIMIZERS, _SCHEDULES, _AGENTS, _Q_LEARNING = (
  ("OptimizerConfig",),
  ("Epsilon",),
  ("AgentConfig",),
  ("QLearningConfig",),
)

# What Stable-Baselines3, CleanRL, RLlib, Dopamine and TF-Agents call it: our
# field, the classes that may have it or their base, the names elsewhere.
_ALIASES: tuple[tuple[str, tuple[str, ...], str], ...] = (
  (
    "num_env_steps",
    ("TrainingConfig",),
    "total_timesteps n_timesteps num_timesteps timesteps_total total_steps "
    "max_steps num_iterations timesteps",
  ),
  ("learning_rate", _OPTIMIZERS, "lr alpha step_size"),
  ("gamma", _AGENTS, "discount discount_factor"),
  (
    "hidden_layers",
    _AGENTS,
    "net_arch fc_layer_params fcnet_hiddens hidden_sizes hidden_units",
  ),
  ("conv_layers", _AGENTS, "conv_layer_params conv_filters"),
  ("activation", _AGENTS, "activation_fn fcnet_activation"),
  (
    "gradient_clip_global_norm",
    _AGENTS,
    "max_grad_norm grad_clip gradient_clipping clip_grad_norm",
  ),
  (
    "capacity_env_steps",
    ("ReplayConfig", "PrioritizedReplay"),
    "buffer_size replay_buffer_capacity replay_capacity memory_size "
    "capacity replay_buffer_max_length replay_size",
  ),
  (
    "alpha",
    ("PrioritizedReplay",),
    "prioritized_replay_alpha priority_exponent per_alpha",
  ),
  (
    "initial_beta",
    ("PrioritizedReplay",),
    "beta prioritized_replay_beta0 prioritized_replay_beta per_beta "
    "importance_sampling_exponent",
  ),
  (
    "num_env_steps_before_training",
    _Q_LEARNING,
    "learning_starts min_replay_history initial_collect_steps warmup_steps "
    "num_steps_sampled_before_learning_starts",
  ),
  (
    "target_update_period_train_steps",
    _Q_LEARNING,
    "target_update_interval target_network_frequency target_update_period "
    "target_network_update_freq target_update_freq",
  ),
  ("target_update_tau", _Q_LEARNING, "tau polyak"),
  (
    "num_collect_steps_per_iteration",
    _Q_LEARNING,
    "train_freq train_frequency collect_steps_per_iteration update_period",
  ),
  ("num_train_steps_per_iteration", _Q_LEARNING, "gradient_steps"),
  ("batch_size", _Q_LEARNING, "train_batch_size minibatch_size"),
  ("double", _Q_LEARNING, "double_q use_double"),
  ("reward_scale", _Q_LEARNING, "reward_scale_factor"),
  ("loss", ("DqnConfig",), "td_errors_loss_fn loss_fn"),
  ("num_atoms", ("C51Config",), "n_atoms num_supports"),
  ("v_min", ("C51Config",), "min_q_value vmin"),
  ("v_max", ("C51Config",), "max_q_value vmax"),
  ("num_quantiles", ("QrDqnConfig",), "n_quantiles num_tau_samples"),
  ("kappa", ("QrDqnConfig",), "huber_param huber_kappa"),
  ("value", ("ConstantEpsilon",), "epsilon_greedy eps"),
  (
    "initial",
    _SCHEDULES,
    "exploration_initial_eps start_e initial_epsilon eps_start epsilon_start",
  ),
  (
    "final",
    _SCHEDULES,
    "exploration_final_eps end_e final_epsilon eps_end epsilon_end "
    "epsilon_train",
  ),
  (
    "num_env_steps",
    ("LinearEpsilon",),
    "exploration_fraction epsilon_decay_period epsilon_timesteps eps_decay",
  ),
  (
    "num_rollout_steps",
    ("A2cConfig",),
    "n_steps num_steps unroll_length rollout_fragment_length",
  ),
  ("n_step", _Q_LEARNING, "n_steps n_step_update update_horizon"),
  (
    "entropy_coefficient",
    ("A2cConfig",),
    "ent_coef entropy_coeff entropy_regularization entropy_coef",
  ),
  (
    "value_coefficient",
    ("A2cConfig",),
    "vf_coef vf_loss_coeff value_loss_coef vf_coeff",
  ),
  ("gae_lambda", ("A2cConfig",), "lambda_ lambda_value td_lambda gae"),
  ("normalize_advantages", ("A2cConfig",), "normalize_advantage norm_adv"),
  ("initial_log_std", ("A2cConfig",), "log_std_init"),
  ("epsilon", _OPTIMIZERS, "adam_epsilon rms_prop_eps opt_epsilon"),
  (
    "name",
    ("EnvironmentConfig",),
    "env_id env env_name gym_id environment_name id",
  ),
  ("arguments", ("EnvironmentConfig",), "env_kwargs make_kwargs kwargs"),
  (
    "max_episode_steps",
    ("EnvironmentConfig",),
    "time_limit max_episode_length max_ep_len",
  ),
  ("num_envs", ("EnvironmentConfig",), "n_envs num_environments num_env"),
  (
    "period_env_steps",
    ("EvaluationConfig",),
    "eval_freq eval_interval evaluation_interval",
  ),
  (
    "num_episodes",
    ("EvaluationConfig",),
    "n_eval_episodes num_eval_episodes evaluation_duration",
  ),
  ("log_period_env_steps", ("TrainingConfig",), "log_interval log_freq"),
  (
    "checkpoint_period_env_steps",
    ("TrainingConfig",),
    "save_freq checkpoint_interval checkpoint_frequency save_interval",
  ),
  (
    "num_frames",
    (
      "ImageObservation",
      "AtariObservation",
    ),
    "frame_stack n_stack stack_size framestack",
  ),
  ("max_noops", ("AtariObservation",), "noop_max"),
)

# What a class lacks although another like it has it, and why.
_LACKING = {
  "A2cConfig.collectors": (
    "A2C learns from what its newest weights did, and those of collectors are "
    "older; expected EnvironmentConfig.vectorization = 'ray' alone"
  )
}


def names_elsewhere() -> Iterator[tuple[str, list[str], list[str]]]:
  """A field, our classes that have it, and what other libraries call it."""
  for field, owners, names in _ALIASES:
    classes = [
      name
      for name, kind in fields.CLASSES.items()
      if field in {f.name for f in dataclasses.fields(kind)}
      and not {base.__name__ for base in kind.__mro__}.isdisjoint(owners)
    ]
    yield field, classes, names.split()


def aliases() -> dict[str, list[str]]:
  """Names that other libraries use -> our "Class.field" for each."""
  found: dict[str, list[str]] = {}
  for field, classes, names in names_elsewhere():
    for name in names:
      found.setdefault(name, []).extend(f"{one}.{field}" for one in classes)
  return found


def unknown_name(name: str, classes: Iterable[str]) -> str:
  """The message for an unknown class."""
  import gymnasium as gym  # only where a name is wrong: it takes a moment

  name = name if name.split(".")[0] in classes else name.split(".")[0]
  if name in gym.wrappers.__all__:
    return (
      f"unknown gin name {name!r}: EnvironmentConfig.wrappers names it in "
      f"quotes: {name!r}"
    )
  return f"unknown gin name {name!r}: {expected(name, sorted(classes))}"


def expected(name: str, known: Sequence[str]) -> str:
  """The nearest of some names, or all of them."""
  near = errors.nearest(name, known).removeprefix("; ")
  return near or f"expected one of {', '.join(known)}"


def unknown_field(
  owner: str, name: str, choices: gin_choices.Choices, known: Sequence[str]
) -> str:
  """The message for an unknown field.

  Args:
    owner: the name of the class.
    name: the name of the field.
    choices: the choices of the experiment.
    known: the fields that the class has.
  """
  meant = (
    _LACKING.get(f"{owner}.{name}")
    or _suggestion(owner, name, choices)
    or expected(name, known)
  )
  return f"unknown gin parameter {owner}.{name}: {meant}"


def _suggestion(owner: str, name: str, choices: gin_choices.Choices) -> str:
  """ "did you mean 'Class.field'?" for what another class has, or ""."""
  same = [one for one in choices.chosen if one.split(".")[1] == name]
  there = choices.parts | {owner}
  other = [one for one in aliases().get(name, []) if one.split(".")[0] in there]
  found = same or [o for o in other if o.split(".")[0] == owner] or other
  if len(found) > 1:
    return f"did you mean one of {', '.join(map(repr, found))}?"
  return f"did you mean {found[0]!r}?" if found else ""


def check_names(
  statements: gin_syntax.Statements, classes: Mapping[str, type]
) -> None:
  """Rejects bindings that gin would accept silently and nothing reads.

  Args:
    statements: the statements of all texts.
    classes: our classes. Where TF-Agents is imported gin knows its classes as
      well, and would bind what no run reads.

  Raises:
    UserError: a class is unknown, or a macro unused; the message names the
      first one.
  """
  for binding in statements.bindings:
    if binding.field:
      if binding.owner not in classes:
        raise errors.UserError(unknown_name(binding.owner, classes))
    elif not _is_used(binding.name, statements.macros):
      choices = gin_choices.Choices(statements.bindings, classes)
      meant = _suggestion("", binding.owner, choices)
      raise errors.UserError(
        f"{binding.where}: nothing reads {binding.name!r}; "
        + (meant or "expected a binding such as Class.field = value")
      )


def _is_used(name: str, macros: Collection[str]) -> bool:
  """Whether a macro is read; `%a/b` reads `a` where `a/b` is not bound."""
  return any(f"{macro}/".startswith(f"{name}/") for macro in macros)

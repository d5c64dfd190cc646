"""The flags that say which experiment: those of `train` and `sweep`."""

from collections.abc import Callable, Sequence

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.config import gin_files, schema

flags.disclaim_key_flags()  # --help lists them with those of the binary

_FLAGS = flags.FLAGS


def define() -> None:
  """Defines the flags."""
  flags.DEFINE_string(
    "environment",
    None,
    "A gymnasium id to train on without a gin file: agent, network and numbers "
    "are chosen by its spaces.",
  )
  flags.DEFINE_multi_string(
    "gin_file", [], "Configuration; later files override earlier ones."
  )
  flags.DEFINE_multi_string(
    "gin_bindings", [], "Single bindings, such as 'DqnConfig.gamma = 0.9'."
  )
  flags.DEFINE_bool(
    "allow_gin_imports",
    False,
    "Let gin files import Python modules, which runs their code.",
  )
  flags.DEFINE_enum(
    "device",
    "auto",
    ["auto", "cpu", "gpu"],
    "Where to run; 'auto' is a GPU if there is one and it is faster: for "
    "images, many tensor environments, wide layers.",
  )
  flags.DEFINE_bool(
    "deterministic",
    True,
    "The same run for the same seed, on a GPU too; without it some programs "
    "are faster there.",
  )


def as_arguments() -> list[str]:
  """The flags as arguments of another `train` process, which does the same."""
  environment = [f"--environment={_FLAGS.environment}"]
  return [
    *(environment if _FLAGS.environment is not None else []),
    *(f"--gin_file={path}" for path in _FLAGS.gin_file),
    *(f"--gin_bindings={binding}" for binding in _FLAGS.gin_bindings),
    *["--allow_gin_imports"] * _FLAGS.allow_gin_imports,
    f"--device={_FLAGS.device}",
    *["--nodeterministic"] * (not _FLAGS.deterministic),
  ]


def load(
  more_bindings: Sequence[str] = (),
  report: Callable[[str], None] = command_line.report,
) -> schema.Experiment:
  """Loads the experiment of the flags; for --environment alone, chooses one.

  Args:
    more_bindings: further gin bindings, which come last.
    report: a function that gets lines on what was chosen or replaced.

  Raises:
    UserError: the flags do not make an experiment.
  """
  bindings = [*_FLAGS.gin_bindings, *more_bindings]
  if _FLAGS.environment is None:
    return gin_files.load_experiment(
      _FLAGS.gin_file,
      bindings,
      allow_imports=_FLAGS.allow_gin_imports,
      report=report,
    )
  if _FLAGS.gin_file:
    raise errors.UserError(
      f"--environment={_FLAGS.environment!r} and --gin_file: expected one of "
      "them; --gin_bindings=\"EnvironmentConfig.name = '...'\" changes the "
      "environment of a gin file"
    )
  with command_line.quiet_imports():
    from agents_pipeline.runs import defaults
  return defaults.experiment_for(_FLAGS.environment, bindings, report)

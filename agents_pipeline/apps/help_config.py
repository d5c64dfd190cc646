"""The flag --help_config, which prints what gin files can bind, and exits."""

import sys

from absl import flags

from agents_pipeline import errors
from agents_pipeline.config import reference

flags.disclaim_key_flags()  # --help lists it with those of the binary


class _HelpConfig(flags.Flag):
  """Takes the name of a class, or nothing for all of them."""

  def __init__(self):
    super().__init__(
      flags.ArgumentParser(),
      flags.ArgumentSerializer(),
      "help_config",
      None,
      "Print every field of the configuration, or those of one class as in "
      "--help_config=DqnConfig, and exit.",
      boolean=True,  # may stand without a value
    )

  def parse(self, argument):
    """Prints, where the flag is given.

    Raises:
      IllegalFlagValueError: there is no such class.
    """
    if not isinstance(argument, str):
      return
    try:
      text = reference.as_text(None if argument == "true" else argument)
    except errors.UserError as error:
      raise flags.IllegalFlagValueError(str(error)) from None
    print(text)
    sys.exit(1)  # as absl does after --help


def define() -> None:
  """Defines the flag."""
  flags.DEFINE_flag(_HelpConfig())

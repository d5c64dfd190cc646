"""What gin would do, or pass over, without a word: looked for beforehand."""

import pathlib
from collections.abc import Collection, Iterable, Sequence

from gin import config_parser

from agents_pipeline import errors


class _Names(config_parser.ParserDelegate):
  """Takes names as they are, and remembers them; nothing is looked up."""

  def __init__(self):
    self.macros: set[str] = set()
    self.scopes: set[str] = set()

  def configurable_reference(self, scoped_configurable_name, evaluate):
    """Of `@scope/Name()`."""
    scope, _, _ = scoped_configurable_name.rpartition("/")
    self.scopes.add(scope)
    return scoped_configurable_name

  def macro(self, macro_name):
    """Of `%name`."""
    self.macros.add(macro_name)
    return macro_name


def check(
  texts: Iterable[tuple[str, str]],
  classes: Collection[str],
  *,
  allow_imports: bool = False,
) -> None:
  """Refuses imports that are not allowed, and bindings that nothing reads.

  Args:
    texts: (where it is from, gin text); what they include is looked at too.
    classes: ours. Where TF-Agents is imported gin knows its classes as well,
      and would bind what no run reads.
    allow_imports: do not refuse those, and look no further: what an import
      registers may read anything.

  Raises:
    UserError: naming the first.
  """
  if allow_imports:
    return
  names, unread = _Names(), {}
  waiting, seen = list(texts), set()
  while waiting:
    where, text = waiting.pop(0)
    for statement in config_parser.ConfigParser(text, names):
      if isinstance(statement, config_parser.ImportStatement):
        raise errors.UserError(
          f"{where} imports {statement.module!r}, which would run its code; "
          "expected bindings alone, or --allow_gin_imports"
        )
      if isinstance(statement, config_parser.IncludeStatement):
        if statement.filename not in seen:
          waiting.append(_included(where, statement.filename))
        seen.add(statement.filename)
      elif isinstance(statement, config_parser.BindingStatement):
        unread[_as_written(statement)] = (where, statement)
  for written, (where, binding) in unread.items():
    is_macro = not binding.arg_name
    if not is_macro and binding.selector not in classes:
      raise errors.UserError(unknown_name(binding.selector, classes))
    known = names.macros if is_macro else names.scopes | {""}
    if (written if is_macro else binding.scope) not in known:
      raise errors.UserError(
        f"{where}: nothing reads {written!r}; expected a binding such as "
        "Class.field = value"
      )


def _as_written(binding: config_parser.BindingStatement) -> str:
  """The name that is bound."""
  scope = f"{binding.scope}/" if binding.scope else ""
  field = f".{binding.arg_name}" if binding.arg_name else ""
  return f"{scope}{binding.selector}{field}"


def _included(where: str, filename: str) -> tuple[str, str]:
  path = pathlib.Path(filename)
  if not path.is_file():
    raise errors.UserError(
      f"{where} includes {filename!r}, which does not exist in the folder that "
      f"this runs in{nearest_file(path)}"
    )
  return filename, path.read_text("utf-8")


def unknown_name(name: str, classes: Iterable[str]) -> str:
  """The message for a class that there is not."""
  name = name if name.split(".")[0] in classes else name.split(".")[0]
  return f"unknown gin name {name!r}: {expected(name, sorted(classes))}"


def expected(name: str, known: Sequence[str]) -> str:
  """The nearest of some names, or all of them."""
  near = errors.nearest(name, known).removeprefix("; ")
  return near or f"expected one of {', '.join(known)}"


def nearest_file(path: pathlib.Path) -> str:
  """Returns "; did you mean 'x.gin'?" for a file beside it, or ""."""
  folder = path.parent
  known = [str(p) for p in folder.glob("*.gin")] if folder.is_dir() else []
  return errors.nearest(path, known)

"""Where the time of a run goes."""

from agents_pipeline.runs import stopwatch


def test_parts_add_up_and_tell_their_shares(monkeypatch):
  now = [0.0]
  monkeypatch.setattr(stopwatch.time, "monotonic", lambda: now[0])

  def passes(seconds):
    now[0] += seconds

  def results():
    for number in range(2):
      passes(3.0)
      yield number
    passes(1.0)

  watch = stopwatch.Stopwatch()
  for number in watch.each("training", results()):
    passes(100.0)  # of nothing in particular
    with watch.part("evaluation"):
      passes(1.0 + number)
  assert watch.seconds == {"training": 7.0, "evaluation": 3.0}
  assert str(watch) == "training 70%, evaluation 30%"
  assert watch.to_json() == {"training": 7.0, "evaluation": 3.0}


def test_what_fails_is_counted_too(monkeypatch):
  now = iter([1.0, 3.5])
  monkeypatch.setattr(stopwatch.time, "monotonic", lambda: next(now))
  watch = stopwatch.Stopwatch()
  try:
    with watch.part("films"):
      raise ValueError
  except ValueError:
    pass
  assert watch.seconds == {"films": 2.5}

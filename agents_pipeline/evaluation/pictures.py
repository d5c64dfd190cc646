"""What environments render, as frames of a video."""

import numpy as np

_EXPECTED = (
  "expected a picture of uint8, or of floats or bools in [0, 1], of shape "
  "[H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"
)


class NotAPictureError(ValueError):
  """What was rendered cannot be shown. Its message is one line."""


class Frames:
  """Makes the frames of one video alike.

  Attributes:
    color: of every pixel of every frame so far, as RGB; None where they differ
      or where there is no frame.
  """

  def __init__(self):
    self._shape: tuple[int, ...] | None = None
    self._is_plain = True
    self.color: tuple[int, ...] | None = None

  def add(self, picture: object) -> np.ndarray:
    """Returns the next frame.

    Args:
      picture: what `render()` gave: uint8, or floats or bools in [0, 1], of
        shape [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], whose fourth channel,
        alpha, is left out.

    Returns:
      uint8 [H, W, 3], a copy, padded to even sides.

    Raises:
      NotAPictureError: it is none, or of another size than the first.
    """
    frame = _to_rgb(picture)
    if self._shape is None:
      self._shape = frame.shape
    if frame.shape != self._shape:
      first, now = (f"{s[1]} x {s[0]}" for s in (self._shape, frame.shape))
      raise NotAPictureError(
        f"its render() gave a picture of {now} pixels after one of {first}; "
        "expected pictures of one size"
      )
    if self._is_plain:
      color = tuple(frame[0, 0].tolist())
      self._is_plain = self.color in (None, color) and bool(
        (frame == frame[0, 0]).all()
      )
      self.color = color if self._is_plain else None
    return _pad(frame)


def _to_rgb(picture: object) -> np.ndarray:
  """Any picture as uint8 [H, W, 3]."""
  if not isinstance(picture, np.ndarray):
    raise NotAPictureError(f"its render() gave {_kind(picture)}; {_EXPECTED}")
  if picture.ndim == 2:
    picture = picture[..., None]
  if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or not picture.size:
    raise NotAPictureError(
      f"its render() gave {picture.dtype} of shape {picture.shape}; {_EXPECTED}"
    )
  rgb = np.broadcast_to(picture[..., :3], (*picture.shape[:2], 3))
  if rgb.dtype == np.uint8:
    return rgb
  if rgb.dtype == bool:
    return rgb * np.uint8(255)
  if not np.issubdtype(rgb.dtype, np.floating):
    raise NotAPictureError(f"its render() gave {rgb.dtype}; {_EXPECTED}")
  low, high = rgb.min(), rgb.max()
  if not (low >= 0 and high <= 1):  # also where they are NaN
    raise NotAPictureError(
      f"its render() gave {rgb.dtype} from {low:g} to {high:g}; {_EXPECTED}"
    )
  return np.round(rgb * 255).astype(np.uint8)


def _pad(frame: np.ndarray) -> np.ndarray:
  """Pads a frame [H, W, 3] to even sides, which H.264 asks for."""
  height, width = frame.shape[:2]
  return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _kind(picture: object) -> str:
  if picture is None:
    return "None"
  if isinstance(picture, (list, tuple)):
    return f"a {type(picture).__name__} of {len(picture)}"
  return f"an object of type {type(picture).__name__}"

"""Converts what environments render to the frames of a video."""

import numpy as np

_EXPECTED = (
  "expected an image of uint8, or of floats or bools in [0, 1], of shape "
  "[H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"
)
_SMALLEST_SIDE = 160  # pixels; Atari's images are 160 wide


class InvalidFrameError(ValueError):
  """What was rendered is not an image. The message is one line."""


class FrameConverter:
  """Converts rendered images to frames of one size and type.

  Attributes:
    color: the RGB of every pixel of every frame so far; None if they differ, or
      before the first frame.
  """

  def __init__(self):
    self._shape: tuple[int, ...] | None = None
    self._is_one_color = True
    self.color: tuple[int, ...] | None = None

  def convert(self, image: object) -> np.ndarray:
    """Returns the next frame.

    Args:
      image: what `render()` returned: uint8, or floats or bools in [0, 1], of
        shape [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]; the fourth channel,
        alpha, is dropped.

    Returns:
      The frame, uint8 [H, W, 3], a copy, padded to an even height and width.

    Raises:
      InvalidFrameError: `image` is not an image, or differs in size from the
        first one.
    """
    frame = _to_rgb(image)
    if self._shape is None:
      self._shape = frame.shape
    if frame.shape != self._shape:
      first, this = (f"{s[1]} x {s[0]}" for s in (self._shape, frame.shape))
      raise InvalidFrameError(
        f"its render() gave an image of {this} pixels after one of {first}; "
        "expected images of one size"
      )
    if self._is_one_color:
      color = tuple(frame[0, 0].tolist())
      self._is_one_color = self.color in (None, color) and bool(
        (frame == frame[0, 0]).all()
      )
      self.color = color if self._is_one_color else None
    return _pad(frame)


def _to_rgb(image: object) -> np.ndarray:
  """Converts any supported image to uint8 [H, W, 3]."""
  if not isinstance(image, np.ndarray):
    raise InvalidFrameError(
      f"its render() gave {_describe(image)}; {_EXPECTED}"
    )
  if image.ndim == 2:
    image = image[..., None]
  if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or not image.size:
    raise InvalidFrameError(
      f"its render() gave {image.dtype} of shape {image.shape}; {_EXPECTED}"
    )
  rgb = np.broadcast_to(image[..., :3], (*image.shape[:2], 3))
  if rgb.dtype == np.uint8:
    return rgb
  if rgb.dtype == bool:
    return rgb * np.uint8(255)
  if not np.issubdtype(rgb.dtype, np.floating):
    raise InvalidFrameError(f"its render() gave {rgb.dtype}; {_EXPECTED}")
  low, high = rgb.min(), rgb.max()
  if not (low >= 0 and high <= 1):  # also where they are NaN
    raise InvalidFrameError(
      f"its render() gave {rgb.dtype} from {low:g} to {high:g}; {_EXPECTED}"
    )
  return np.round(rgb * 255).astype(np.uint8)


def enlarge(frame: np.ndarray) -> np.ndarray:
  """Enlarges a small frame [H, W, 3] by a whole number, for people to look at.

  A frame of 10 x 10 pixels becomes one of 160 x 160.
  """
  factor = -(-_SMALLEST_SIDE // max(frame.shape[:2]))
  return frame.repeat(factor, axis=0).repeat(factor, axis=1)


def _pad(frame: np.ndarray) -> np.ndarray:
  """Pads a frame [H, W, 3] to even sides, which H.264 requires."""
  height, width = frame.shape[:2]
  return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _describe(value: object) -> str:
  if value is None:
    return "None"
  if isinstance(value, (list, tuple)):
    return f"a {type(value).__name__} of {len(value)}"
  return f"an object of type {type(value).__name__}"

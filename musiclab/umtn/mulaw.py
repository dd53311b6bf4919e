"""Code 16-bit sound as 256 values by mu-law: fine steps for soft samples, coarse steps for loud ones.

``F(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)`` with mu = 255, scaled from [-1, 1] to 0..255 and rounded down
(van den Oord et al., WaveNet, 2016, section 2.2; UMTN's ``mu_law`` and ``inv_mu_law``).
"""

from functools import cache

import numpy as np

MU = 255


def mu_law(x, mu: int = MU) -> np.ndarray:
    """Compute the mu-law codes of a waveform, as UMTN does: int16, 0 to ``mu``.

    Silence is 127, because 127.5 is rounded down; only 1.0 reaches ``mu`` itself.

    Parameters
    ----------
    x : float array of any shape
        Waveform in [-1, 1]; values beyond are clipped.
    mu
        Highest code.

    Examples
    --------
    >>> mu_law([-1.0, -0.01, 0.0, 0.01, 1.0])
    array([  0,  98, 127, 156, 255], dtype=int16)
    """
    x = np.clip(np.asarray(x, dtype=np.float64), -1, 1)
    curved = np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)
    return ((curved + 1) / 2 * mu).astype(np.int16)


def inv_mu_law(x, mu: int = MU) -> np.ndarray:
    """Decode mu-law codes as UMTN does: ``sign(y) ((1 + mu)^|y| - 1) / mu`` with ``y = 2 x / (mu + 1) - 1``.

    The waveform is float32, from -1 at code 0 to 0.957 at code 255. Codes are rounded down and the two formulas differ
    by half a code, so a sample comes back too low: by up to 0.084 if it is loud, by 0.001 if it is under 0.01.

    Examples
    --------
    >>> inv_mu_law([0, 128, 255]).astype(float).round(3).tolist()
    [-1.0, 0.0, 0.957]
    """
    y = 2.0 * np.asarray(x, dtype=np.float32) / (mu + 1.0) - 1.0
    return (np.sign(y) * ((1.0 + mu) ** np.abs(y) - 1.0) / mu).astype(np.float32)


@cache
def code_table() -> np.ndarray:
    """Compute the code of every 16-bit sample: uint8, shape (65536,), in the order of uint16."""
    table = mu_law(np.arange(65536, dtype=np.uint16).view(np.int16) / 2.0**15).astype(np.uint8)
    table.flags.writeable = False  # it is shared
    return table


def encode(samples: np.ndarray) -> np.ndarray:
    """Look up the mu-law codes of int16 samples: ``mu_law(samples / 2**15)`` as uint8, some twenty times as fast.

    Other types than int16 raise TypeError.

    Examples
    --------
    >>> encode(np.array([-32768, 0, 32767], dtype=np.int16))
    array([  0, 127, 254], dtype=uint8)
    """
    if samples.dtype != np.int16:
        raise TypeError(f"expected int16 samples, found {samples.dtype}; musiclab.audio.to_int16 makes them")
    return np.take(code_table(), samples.view(np.uint16))

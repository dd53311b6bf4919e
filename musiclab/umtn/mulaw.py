"""mu-law: 16-bit sound as 256 codes, fine steps for soft samples and coarse ones for loud samples.

``F(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)`` with mu = 255, scaled from [-1, 1] to 0..255 and cut to a whole
number (van den Oord et al., WaveNet, 2016, section 2.2; UMTN's ``mu_law`` and ``inv_mu_law``).
"""

from functools import lru_cache

import numpy as np

MU = 255


def mu_law(x, mu: int = MU) -> np.ndarray:
    """Codes of a waveform, as UMTN computes them.

    Parameters
    ----------
    x : float array of any shape
        In [-1, 1]; what lies beyond is clipped.
    mu
        Number of the highest code.

    Returns
    -------
    int16 array of the same shape
        0 to ``mu``. Silence is 127 (its exact place, 127.5, is cut); ``mu`` itself is reached by 1.0 alone.

    Examples
    --------
    >>> mu_law([-1.0, -0.01, 0.0, 0.01, 1.0])
    array([  0,  98, 127, 156, 255], dtype=int16)
    """
    x = np.clip(np.asarray(x, dtype=np.float64), -1, 1)
    curved = np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)
    return ((curved + 1) / 2 * mu).astype(np.int16)


def inv_mu_law(x, mu: int = MU) -> np.ndarray:
    """Waveform of codes, as UMTN computes it: ``sign(y) ((1 + mu)^|y| - 1) / mu`` with ``y = 2 x / (mu + 1) - 1``.

    Parameters
    ----------
    x : array of codes, 0 to ``mu``
    mu
        Number of the highest code.

    Returns
    -------
    float32 array of the same shape
        From -1 at code 0 to 0.957 at code 255. Codes are cut, not rounded, and the two formulas differ by half a code:
        what was coded comes back up to 0.084 of full scale lower where it is loud, 0.001 where it is under 0.01.

    Examples
    --------
    >>> inv_mu_law([0, 128, 255]).astype(float).round(3).tolist()
    [-1.0, 0.0, 0.957]
    """
    y = 2.0 * np.asarray(x, dtype=np.float32) / (mu + 1.0) - 1.0
    return (np.sign(y) * ((1.0 + mu) ** np.abs(y) - 1.0) / mu).astype(np.float32)


@lru_cache(maxsize=1)
def code_table() -> np.ndarray:
    """The code of every 16-bit sample: uint8, shape (65536,), at the sample's own bits read as an unsigned number.

    A look-up takes one step a sample where the logarithm takes some twenty; :func:`mu_law` filled the table.
    """
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    table = mu_law(samples / 2.0**15).astype(np.uint8)
    table.flags.writeable = False  # it is shared
    return table


def encode(samples: np.ndarray) -> np.ndarray:
    """Codes of 16-bit samples, by the table: what ``mu_law(samples / 2**15)`` gives, as uint8.

    Parameters
    ----------
    samples : int16 array of any shape

    Raises
    ------
    TypeError
        The samples are not int16.

    Examples
    --------
    >>> encode(np.array([-32768, 0, 32767], dtype=np.int16))
    array([  0, 127, 254], dtype=uint8)
    """
    if samples.dtype != np.int16:
        raise TypeError(f"expected int16 samples, found {samples.dtype}; musiclab.audio.to_int16 makes them")
    return np.take(code_table(), samples.view(np.uint16))

"""The loop over the samples of :class:`~musiclab.umtn.wavenet.Generator`, compiled with numba."""

import numba
import numpy as np

# tanh by Lambert's continued fraction x / (1 + x² / (3 + x² / (5 + ...))), cut off after 11 steps and written as a
# quotient of two polynomials of x². In float32 its error is below 1e-6 for |x| < 9, where tanh is 1 within 1e-7. Unlike
# np.tanh, it is only additions and multiplications, so the compiler computes eight values at once.
_DEPTH = 11
_BOUND = np.float32(9)


def _lambert(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the coefficients of numerator and denominator, from the highest power of x² to the lowest."""
    upper, lower = np.poly1d([2 * depth + 1.0]), np.poly1d([1.0])
    for odd in range(2 * depth - 1, 0, -2):
        upper, lower = odd * upper + np.poly1d([1.0, 0.0]) * lower, upper
    return (lower.coeffs / lower.coeffs[-1]).astype(np.float32), (upper.coeffs / lower.coeffs[-1]).astype(np.float32)


_UPPER, _LOWER = map(tuple, _lambert(_DEPTH))


@numba.njit(inline="always", error_model="numpy")
def _tanh(x):
    x = min(max(x, -_BOUND), _BOUND)
    square = x * x
    upper = np.float32(0)
    for coefficient in numba.literal_unroll(_UPPER):
        upper = upper * square + coefficient
    lower = np.float32(0)
    for coefficient in numba.literal_unroll(_LOWER):
        lower = lower * square + coefficient
    return x * upper / lower


@numba.njit(inline="always")
def _add_product(out, vector, matrix):
    """Add vector @ matrix to out. The inner loop runs along rows of the matrix, so it is vectorised."""
    for i in range(len(vector)):
        for o in range(len(out)):
            out[o] += vector[i] * matrix[i, o]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def run(weights, state, sample, conditions, final, samples_per_frame, temperature, draws, codes, logits):
    """Compute the samples one after the other.

    With an array ``logits`` of shape (samples, 256), the codes are given and the logits are stored. Without rows in it,
    each code is drawn and stored.
    """
    first, first_bias, first_skip, skip_bias, causal, residual, residual_bias, skips, hidden, last, last_bias = weights
    past, starts, dilations, inputs = state
    layers, channels = residual_bias.shape
    half = np.float32(0.5)
    x, z, skip = np.empty(channels, np.float32), np.empty(channels, np.float32), np.empty_like(skip_bias)
    h, top, scores = np.empty(2 * channels, np.float32), np.empty_like(skip_bias), np.empty(256, np.float32)
    for index in range(len(codes)):
        frame = index // samples_per_frame
        x[:] = first_bias
        _add_product(x, inputs, first)
        skip[:] = skip_bias
        _add_product(skip, x, first_skip)
        for layer in range(layers):
            slot = starts[layer] + (sample + index) % dilations[layer]
            h[:] = conditions[frame, layer]
            _add_product(h, past[slot], causal[layer, 0])
            _add_product(h, x, causal[layer, 1])
            past[slot] = x
            for channel in range(channels):
                z[channel] = (half + half * _tanh(half * h[channel])) * _tanh(h[channels + channel])
            _add_product(x, z, residual[layer])
            for channel in range(channels):
                x[channel] += residual_bias[layer, channel]
            _add_product(skip, z, skips[layer])
        top[:] = final[frame]
        for channel in range(len(skip)):
            skip[channel] = max(skip[channel], np.float32(0))
        _add_product(top, skip, hidden)
        for channel in range(len(top)):
            top[channel] = max(top[channel], np.float32(0))
        scores[:] = last_bias
        _add_product(scores, top, last)
        if len(logits):
            logits[index] = scores
        elif temperature == 0:
            codes[index] = np.argmax(scores)
        else:
            codes[index] = _draw(scores, temperature, draws[index])
        inputs[0] = inputs[1]
        inputs[1] = np.float32(codes[index]) / np.float32(255) - half


@numba.njit(inline="always")
def _draw(scores, temperature, uniform):
    """Draw a code from the softmax of ``scores / temperature``."""
    largest = scores.max()
    for code in range(256):
        scores[code] = np.exp((scores[code] - largest) / np.float32(temperature))
    threshold = uniform * scores.sum()
    total = np.float32(0)
    for code in range(255):
        total += scores[code]
        if total > threshold:
            return code
    return 255

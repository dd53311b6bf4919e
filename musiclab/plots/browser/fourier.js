// The Fourier transform, and the mel bands that are computed from it.

const plans = new Map();

// Returns what the transform of a power of two needs: the order of the samples, and the cosines and sines.
function planOf(length) {
  if (plans.has(length)) return plans.get(length);
  const order = new Uint32Array(length);
  for (let at = 1; at < length; at++) order[at] = (order[at >> 1] >> 1) | (at & 1 ? length >> 1 : 0);
  const angle = (at) => (2 * Math.PI * at) / length;
  const cosines = Float64Array.from({ length: length / 2 }, (_, at) => Math.cos(angle(at)));
  const sines = Float64Array.from({ length: length / 2 }, (_, at) => Math.sin(angle(at)));
  plans.set(length, { order, cosines, sines });
  return plans.get(length);
}

// Replaces complex samples by their Fourier transform, of any length.
function transform(real, imaginary) {
  const length = real.length;
  if (length & (length - 1)) return transformAnyLength(real, imaginary);
  const { order, cosines, sines } = planOf(length);
  for (let at = 0; at < length; at++) {
    const other = order[at];
    if (other <= at) continue;
    let value = real[at]; real[at] = real[other]; real[other] = value;
    value = imaginary[at]; imaginary[at] = imaginary[other]; imaginary[other] = value;
  }
  for (let half = 1; half < length; half *= 2) {
    const step = length / (2 * half);
    for (let start = 0; start < length; start += 2 * half) {
      for (let at = start, turn = 0; at < start + half; at++, turn += step) {
        const [c, s, other] = [cosines[turn], sines[turn], at + half];
        const x = real[other] * c + imaginary[other] * s;
        const y = imaginary[other] * c - real[other] * s;
        real[other] = real[at] - x;
        imaginary[other] = imaginary[at] - y;
        real[at] += x;
        imaginary[at] += y;
      }
    }
  }
}

const chirps = new Map();

// Returns the chirp exp(-i pi n^2 / length), and the transform of its conjugate on both sides of 0.
function chirpOf(length) {
  if (chirps.has(length)) return chirps.get(length);
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const angles = Float64Array.from({ length }, (_, at) => (Math.PI * ((at * at) % (2 * length))) / length);
  const [cosines, sines] = [angles.map(Math.cos), angles.map(Math.sin)];
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  for (let at = 0; at < length; at++) {
    for (const to of [at, (size - at) % size]) [real[to], imaginary[to]] = [cosines[at], sines[at]];
  }
  transform(real, imaginary);
  chirps.set(length, { size, cosines, sines, real, imaginary });
  return chirps.get(length);
}

// Bluestein's algorithm: a transform of any length is a convolution with a chirp, which needs powers of two only.
function transformAnyLength(real, imaginary) {
  const length = real.length;
  const { size, cosines, sines, ...kernel } = chirpOf(length);
  const [x, y] = [new Float64Array(size), new Float64Array(size)];
  for (let at = 0; at < length; at++) {
    x[at] = real[at] * cosines[at] + imaginary[at] * sines[at];
    y[at] = imaginary[at] * cosines[at] - real[at] * sines[at];
  }
  transform(x, y);
  for (let at = 0; at < size; at++) {
    const product = x[at] * kernel.real[at] - y[at] * kernel.imaginary[at];
    y[at] = x[at] * kernel.imaginary[at] + y[at] * kernel.real[at];
    x[at] = product;
  }
  transform(y, x); // with the two parts exchanged, this is the inverse transform times `size`
  for (let at = 0; at < length; at++) {
    real[at] = (x[at] * cosines[at] + y[at] * sines[at]) / size;
    imaginary[at] = (y[at] * cosines[at] - x[at] * sines[at]) / size;
  }
}

// Factors of 1, -cos(x), cos(2 x). The windows are periodic, as those of scipy.signal.get_window.
const WINDOWS = { hann: [0.5, 0.5], hamming: [0.54, 0.46], blackman: [0.42, 0.5, 0.08], boxcar: [1] };

function windowOf(name, length) {
  const term = (factor, order, at) => (order % 2 ? -factor : factor) * Math.cos((2 * Math.PI * order * at) / length);
  return Float64Array.from({ length }, (_, at) => WINDOWS[name].reduce((sum, factor, order) => sum + term(factor, order, at), 0));
}

// Calls write(frame, real, imaginary) with the transform of each windowed frame. Two real frames are one complex one.
function transformFrames(samples, start, count, hop, window, write) {
  const length = window.length;
  const bins = Math.floor(length / 2) + 1;
  const [real, imaginary] = [new Float64Array(length), new Float64Array(length)];
  const parts = [0, 1].map(() => [new Float64Array(bins), new Float64Array(bins)]);
  for (let frame = 0; frame < count; frame += 2) {
    const [first, second] = [start + frame * hop, frame + 1 < count ? start + (frame + 1) * hop : -1];
    for (let at = 0; at < length; at++) {
      real[at] = samples[first + at] * window[at];
      imaginary[at] = second < 0 ? 0 : samples[second + at] * window[at];
    }
    transform(real, imaginary);
    for (let bin = 0; bin < bins; bin++) {
      const mirror = (length - bin) % length;
      parts[0][0][bin] = (real[bin] + real[mirror]) / 2;
      parts[0][1][bin] = (imaginary[bin] - imaginary[mirror]) / 2;
      parts[1][0][bin] = (imaginary[bin] + imaginary[mirror]) / 2;
      parts[1][1][bin] = (real[mirror] - real[bin]) / 2;
    }
    write(frame, ...parts[0]);
    if (second >= 0) write(frame + 1, ...parts[1]);
  }
}

// Corner frequencies of mel bands in Hz, on Slaney's scale: linear up to 1,000 Hz, then logarithmic. Band i rises from
// corner i to its peak at corner i + 1, and falls to corner i + 2.
function melCorners(low, high, bands) {
  const factor = Math.log(6.4) / 27;
  const toMel = (hertz) => (hertz < 1000 ? (3 * hertz) / 200 : 15 + Math.log(hertz / 1000) / factor);
  const [first, last] = [toMel(low), toMel(high)];
  return Array.from({ length: bands + 2 }, (_, index) => {
    const mel = first + ((last - first) * index) / (bands + 1);
    return mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp(factor * (mel - 15));
  });
}

// Weights of the frequency bins in each mel band, triangles of equal area: {first, weights} from the first bin inside.
function melBank(corners, length, rate) {
  return corners.slice(0, -2).map((low, band) => {
    const [middle, high] = [corners[band + 1], corners[band + 2]];
    const first = Math.floor((low * length) / rate) + 1;
    const weights = [];
    for (let bin = first; (bin * rate) / length < high && bin <= length / 2; bin++) {
      const hertz = (bin * rate) / length;
      weights.push((2 / (high - low)) * Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle)));
    }
    return { first, weights };
  });
}

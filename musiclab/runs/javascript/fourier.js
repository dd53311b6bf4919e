// The Fourier transform of frames, and what is computed with it.

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

// Replaces complex samples by their Fourier transform. The length is a power of two.
function transform(real, imaginary) {
  const length = real.length;
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

// The same for lengths that are not a power of two, by multiplying with a matrix of cosines and sines.
function multiplyFrames(samples, start, count, hop, window, write) {
  const length = window.length;
  const bins = Math.floor(length / 2) + 1;
  const matrix = kept(window, () => Float64Array.from({ length: 2 * bins * length }, (_, at) => {
    const [row, sample] = [Math.floor(at / length), at % length];
    const angle = (2 * Math.PI * (((row % bins) * sample) % length)) / length;
    return window[sample] * (row < bins ? Math.cos(angle) : -Math.sin(angle));
  }));
  const sums = new Float64Array(2 * bins);
  for (let frame = 0; frame < count; frame++) {
    const from = start + frame * hop;
    multiply(matrix, 0, 2 * bins, Float64Array.from(samples.subarray(from, from + length)), 0, 1, length, sums, 0, 1, 1);
    write(frame, sums.subarray(0, bins), sums.subarray(bins));
  }
}

operators.STFT = ([signal, hop, window]) => {
  const [batch, samples] = signal.shape;
  const length = window.data.length;
  const frames = 1 + Math.floor((samples - length) / hop.data[0]);
  const bins = Math.floor(length / 2) + 1;
  const made = tensor(signal.type, [batch, frames, bins, 2]);
  const each = length & (length - 1) ? multiplyFrames : transformFrames;
  for (let example = 0; example < batch; example++) {
    each(signal.data, example * samples, frames, hop.data[0], window.data, (frame, real, imaginary) => {
      let to = (example * frames + frame) * bins * 2;
      for (let bin = 0; bin < bins; bin++) {
        made.data[to++] = real[bin];
        made.data[to++] = imaginary[bin];
      }
    });
  }
  return made;
};

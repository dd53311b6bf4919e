// Frequency axes, and spectrograms of stretches of a sound, which the browser computes itself.

const FINEST = 60; // s: longer stretches show the levels that came with the sound
const COLUMNS_SHOWN = 2000; // columns of an image

// Returns a frequency axis between two frequencies: it converts Hz to a share of the axis from the bottom, and back. On the
// mel axis, the bands of the scene have equal heights.
function frequencyAxis({ edges }, kind, fmin, fmax) {
  const [to, back] = {
    mel: [(hertz) => bandOf(edges, hertz), (position) => interpolate(edges, position + 0.5)],
    linear: [(hertz) => hertz, (position) => position],
    log: [(hertz) => Math.log(Math.max(hertz, 1e-9)), Math.exp],
  }[kind];
  const highest = edges.at(-1);
  let [low, high] = [fmin, fmax ?? highest].map((hertz) => Math.min(Math.max(0, hertz), highest)).sort((a, b) => a - b);
  if (high - low < highest / 200) [low, high] = [Math.max(0, high - highest / 200), Math.max(high, highest / 200)];
  if (kind === "log") low = Math.max(low, Math.min(20, high / 10));
  const isWhole = !low && high === highest; // the outer bands end half a band inside
  const [start, end] = kind === "mel" && isWhole ? [0, edges.length - 2] : [to(low), to(high)];
  return {
    kind, low, high,
    shareOf: (hertz) => (to(hertz) - start) / (end - start),
    hertzAt: (share) => back(start + share * (end - start)),
  };
}

// Returns functions that compute the power of each row of a picture from a transform, relative to a sine of amplitude 1. On
// the mel axis, a row is a band of the scene, otherwise the strongest bin between two frequencies.
function filtersOf({ edges }, axis, rows, window, rate) {
  const power = (real, imaginary, bin) => real[bin] ** 2 + imaginary[bin] ** 2;
  const length = window.length;
  if (axis.kind !== "mel") {
    const full = (window.reduce((sum, value) => sum + value, 0) / 2) ** 2;
    return Array.from({ length: rows }, (_, row) => {
      const [low, high] = [row, row + 1].map((edge) => (axis.hertzAt(edge / rows) * length) / rate);
      const first = Math.min(Math.ceil(low), Math.round((low + high) / 2), length / 2);
      const last = Math.min(Math.max(first, Math.ceil(high) - 1), length / 2);
      return (real, imaginary) => {
        let most = 0;
        for (let bin = first; bin <= last; bin++) most = Math.max(most, power(real, imaginary, bin));
        return most / full;
      };
    });
  }
  return melBank(edges, length, rate).map(({ first, weights }, band) => {
    const sum = (real, imaginary) => weights.reduce((total, weight, at) => total + weight * power(real, imaginary, first + at), 0);
    const sine = Float64Array.from({ length }, (_, at) => Math.sin((2 * Math.PI * edges[band + 1] * at) / rate));
    let full = 1;
    transformFrames(sine, 0, 1, length, window, (_, real, imaginary) => { full = sum(real, imaginary) || 1; });
    return (real, imaginary) => sum(real, imaginary) / full;
  });
}

// Returns a window of about 46 ms, as in musiclab/widgets/sound.py.
const windowAt = (rate) => windowOf("hann", Math.max(32, 2 ** Math.round(Math.log2(0.046 * rate))));

// Computes the levels of a stretch in about `most` columns at most, as {cells, rows, columns, hop}. `samples` begin half a window
// before it and end half a window after it. Returns null if `isStale` says so meanwhile; the page stays responsive.
async function levelsOf(samples, window, filters, { floor, step }, most, isStale) {
  const span = samples.length - window.length;
  const hop = Math.max(1, Math.min(Math.floor(window.length / 4), Math.ceil(span / most)));
  const frames = 1 + Math.floor(span / hop);
  const block = Math.max(1, Math.ceil((frames - 1) / most)); // frames per column
  const columns = Math.ceil(frames / block);
  const cells = new Uint8ClampedArray(filters.length * columns);
  let rested = performance.now();
  for (let frame = 0; frame < frames; frame += 16) {
    if (performance.now() - rested > 12) {
      await new Promise((resolve) => setTimeout(resolve));
      if (isStale()) return null;
      rested = performance.now();
    }
    transformFrames(samples, frame * hop, Math.min(16, frames - frame), hop, window, (index, real, imaginary) => {
      const column = Math.floor((frame + index) / block);
      filters.forEach((filter, row) => {
        const level = (10 * Math.log10(Math.max(1e-12, filter(real, imaginary))) - floor) / step;
        const at = row * columns + column;
        cells[at] = Math.max(cells[at], level);
      });
    });
  }
  return { cells, rows: filters.length, columns, hop: block * hop };
}

// Returns the part of a layer between two times as it is drawn: one row per pixel, and the highest level of columns that are
// narrower than pixels. A layer is {cells, rows, columns, columnSeconds, start}; its first column is centred on `start`.
function cropped(layer, [from, to], axis, height, { edges }) {
  const { cells, rows, columns, columnSeconds, start } = layer;
  const clamp = (column) => Math.min(Math.max(0, column), columns);
  const first = clamp(Math.floor((from - start) / columnSeconds - 0.5));
  const last = clamp(Math.ceil((to - start) / columnSeconds + 1.5));
  const block = Math.ceil((last - first) / COLUMNS_SHOWN) || 1;
  const many = Math.ceil((last - first) / block);
  const made = new Uint8Array(height * many);
  for (let row = 0, to = 0; row < height; row++) {
    const band = layer.isMel ? Math.floor(bandOf(edges, axis.hertzAt((row + 0.5) / height))) : row;
    const source = Math.min(Math.max(0, band), rows - 1) * columns;
    for (let at = source + first; at < source + last; at += block, to++) {
      for (let next = at; next < Math.min(at + block, source + last); next++) made[to] = Math.max(made[to], cells[next]);
    }
  }
  return { cells: made, rows: height, columns: many, columnSeconds: block * columnSeconds, start: start + (first + (block - 1) / 2) * columnSeconds };
}

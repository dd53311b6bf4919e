// Computes what a Player draws: the levels of mel bands over time, and the outline of the waveform. As in
// musiclab/widgets/sound.py.

const COLUMNS = 1300; // the pixels of a wide screen
const BANDS = 96;
const [FLOOR, STEP] = [-100, 0.4]; // level of byte 0 in dB relative to a full-scale sine, and dB per byte

function pictureOf(waveform, rate) {
  const length = 2 ** Math.round(Math.log2(0.046 * rate));
  let hop = length / 2;
  while (hop > length / 16 && waveform.length / (hop / 2) < COLUMNS) hop /= 2;
  const frames = 1 + Math.floor(waveform.length / hop);
  const block = Math.ceil(frames / COLUMNS); // frames per column
  const columns = Math.ceil(frames / block);
  const edges = melCorners(0, rate / 2, BANDS);
  const window = Float64Array.from({ length }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / length));
  const bands = melBank(edges, length, rate);
  const power = ({ first, weights }, real, imaginary) =>
    weights.reduce((sum, weight, at) => sum + weight * (real[first + at] ** 2 + imaginary[first + at] ** 2), 0);
  const fullScale = bands.map((band, index) => {
    const sine = Float64Array.from({ length }, (_, at) => Math.sin((2 * Math.PI * edges[index + 1] * at) / rate));
    let made = 0;
    transformFrames(sine, 0, 1, length, window, (_, real, imaginary) => { made = power(band, real, imaginary); });
    return made;
  });
  const padded = new Float64Array(waveform.length + 2 * length);
  padded.set(waveform, length / 2);
  const levels = new Uint8Array(BANDS * columns);
  transformFrames(padded, 0, frames, hop, window, (frame, real, imaginary) => {
    const column = Math.floor(frame / block);
    bands.forEach((band, index) => {
      const level = 10 * Math.log10(Math.max(1e-12, power(band, real, imaginary) / fullScale[index]));
      const byte = Math.min(Math.max(0, Math.round((level - FLOOR) / STEP)), 255);
      const at = index * columns + column;
      levels[at] = Math.max(levels[at], byte);
    });
  });
  return { levels, edges, rows: BANDS, columnSeconds: (block * hop) / rate, floor: FLOOR, step: STEP, ...outlineOf(waveform) };
}

// Lowest and highest amplitude per column, and the amplitude that 127 stands for.
function outlineOf(waveform) {
  const size = Math.max(1, Math.ceil(waveform.length / COLUMNS));
  const extremes = [];
  for (let start = 0; start < waveform.length; start += size) {
    let [low, high] = [Infinity, -Infinity];
    for (let at = start; at < Math.min(start + size, waveform.length); at++) {
      low = Math.min(low, waveform[at]);
      high = Math.max(high, waveform[at]);
    }
    extremes.push(low, high);
  }
  const peak = extremes.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-4);
  const power = 10 ** Math.floor(Math.log10(peak));
  const reach = [1, 2, 5, 10].map((step) => step * power).find((value) => value >= peak * (1 - 1e-6));
  return { outline: Int8Array.from(extremes, (value) => Math.round((127 * value) / reach)), reach };
}

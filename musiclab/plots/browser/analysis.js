// Computes what the feature explorer draws: magnitudes of frames, mel bands and MFCC. The same as musiclab.features.

const FLOOR = 1e-5; // smallest magnitude in a logarithm: -100 dB
const LARGEST = { columns: 600, rows: 256 }; // of a picture, in cells: about as many as there are pixels
const N_MFCC = 20; // with coefficient 0
const MFCC_RANGE = 80; // dB below the peak of the clip, to which levels are clipped before the cosine transform

const SCALINGS = {
  decibel: (value) => 20 * Math.log10(Math.max(value, FLOOR)),
  ln: (value) => Math.log(Math.max(value, FLOOR)),
  "log10(1+10x)": (value) => Math.log10(1 + 10 * value),
  "log10(1+10000x)": (value) => Math.log10(1 + 10000 * value),
};

const largestOf = (values) => values.reduce((most, value) => (value > most ? value : most), -Infinity);

// Returns the pictures `spectrogram`, `mel` and `mfcc`, each {values, rows, columns, low, high} with the lowest row first.
// `down` is the number of frequency bins per row of the spectrogram, `step` the number of seconds per column.
function analyse(samples, rate, { n_fft, hop_length, window, n_mels, fmin, fmax, decibels, scaling }) {
  // Skip frames if the others overlap by seven eighths, because they look alike, or if there are too many and the others
  // overlap by three quarters. If there are still too many, show the maximum of several.
  const all = 1 + Math.floor(samples.length / hop_length);
  const skip = Math.max(1, Math.floor(n_fft / 8 / hop_length), Math.min(Math.ceil(all / LARGEST.columns), Math.floor(n_fft / 4 / hop_length)));
  const frames = Math.ceil(all / skip);
  const along = Math.ceil(frames / LARGEST.columns);
  const columns = Math.ceil(frames / along);
  const bins = Math.floor(n_fft / 2) + 1;
  const down = Math.ceil(bins / LARGEST.rows);
  const corners = melCorners(fmin, fmax, n_mels);
  const bank = melBank(corners, n_fft, rate);

  const padded = new Float64Array(samples.length + 2 * n_fft);
  padded.set(samples, n_fft / 2);
  const grid = (rows) => ({ values: new Float32Array(rows * columns), rows, columns });
  const [spectrogram, mel, power] = [Math.ceil(bins / down), n_mels, n_mels].map(grid);
  const magnitudes = new Float64Array(bins);
  let loudest = 0; // power of the loudest band
  transformFrames(padded, 0, frames, hop_length * skip, windowOf(window, n_fft), (frame, real, imaginary) => {
    const column = Math.floor(frame / along);
    for (let bin = 0, cell = column; bin < bins; cell += columns) {
      for (const end = Math.min(bin + down, bins); bin < end; bin++) {
        magnitudes[bin] = Math.sqrt(real[bin] * real[bin] + imaginary[bin] * imaginary[bin]);
        if (magnitudes[bin] > spectrogram.values[cell]) spectrogram.values[cell] = magnitudes[bin];
      }
    }
    for (let band = 0; band < n_mels; band++) {
      const { first, weights } = bank[band];
      let [sum, squares] = [0, 0];
      for (let at = 0; at < weights.length; at++) {
        const value = weights[at] * magnitudes[first + at];
        sum += value;
        squares += value * magnitudes[first + at];
      }
      const cell = band * columns + column;
      mel.values[cell] = Math.max(mel.values[cell], sum);
      if (frame % along === 0) power.values[cell] = squares; // maxima of coefficients with a sign would mislead
      loudest = Math.max(loudest, squares);
    }
  });

  const floor = SCALINGS.decibel(0);
  const scaled = (picture, scale) => Object.assign(picture, { values: picture.values.map(scale) });
  const below = (values, range, silence) => { // silence is dark
    const high = Math.max(largestOf(values), silence + range);
    return { low: high - range, high };
  };
  scaled(spectrogram, SCALINGS.decibel);
  Object.assign(spectrogram, below(spectrogram.values, decibels, floor));
  scaled(mel, SCALINGS[scaling]);
  const unit = scaling === "ln" ? Math.log(10) / 20 : 1; // size of 1 dB
  const isPositive = scaling.startsWith("log10");
  Object.assign(mel, isPositive ? { low: 0, high: Math.max(largestOf(mel.values), 1e-3) } : below(mel.values, decibels * unit, floor * unit));

  const toDecibels = (value) => 10 * Math.log10(Math.max(value, FLOOR ** 2));
  scaled(power, (value) => Math.max(toDecibels(value), toDecibels(loudest) - MFCC_RANGE));
  const mfcc = Object.assign(grid(Math.min(N_MFCC, n_mels) - 1), { low: -MFCC_RANGE, high: MFCC_RANGE });
  for (let row = 0; row < mfcc.rows; row++) { // without coefficient 0, the level, which is much larger than all others
    for (let band = 0; band < n_mels; band++) {
      const factor = Math.sqrt(2 / n_mels) * Math.cos((Math.PI * (row + 1) * (2 * band + 1)) / (2 * n_mels));
      for (let column = 0; column < columns; column++) mfcc.values[row * columns + column] += factor * power.values[band * columns + column];
    }
  }
  const hop = (skip * hop_length) / rate;
  return { spectrogram, mel, mfcc, bank, corners, down, step: along * hop, left: -hop / 2, frames: all };
}

// Changes the sample rate with a windowed sinc filter. Its values are those of the filter in musiclab.audio.resample, up
// to 0.000002. Frequencies up to 91 % of the highest one stay as they are, and those above the highest one are removed.

const REACH = 95; // samples at the lower rate on both sides of a sample that it depends on
const PASSED = 0.95687; // middle of the slope, relative to the highest frequency
const BETA = 12.446; // shape of the Kaiser window

// The modified Bessel function of order 0.
function bessel(x) {
  let [total, term] = [1, 1];
  for (let k = 1; term > 1e-12 * total; k++) {
    term *= (x / (2 * k)) ** 2;
    total += term;
  }
  return total;
}

const commonDivisor = (a, b) => (b ? commonDivisor(b, a % b) : a);

function resampled(waveform, fromRate, toRate) {
  if (fromRate === toRate) return waveform;
  const common = commonDivisor(fromRate, toRate);
  const [up, down] = [toRate / common, fromRate / common];
  const scale = Math.min(1, toRate / fromRate);
  const half = Math.ceil(REACH / scale);
  const width = 2 * half + 1;
  const filters = new Array(up); // one for each place between two samples, computed when it is first needed
  const filterAt = (phase) => {
    const weights = Float64Array.from({ length: width }, (_, tap) => {
      const time = tap - half - phase / up;
      const x = Math.PI * PASSED * scale * time;
      const edge = 1 - ((time * scale) / REACH) ** 2;
      return edge < 0 ? 0 : (x ? Math.sin(x) / x : 1) * bessel(BETA * Math.sqrt(edge));
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  const padded = new Float64Array(waveform.length + 2 * width);
  padded.set(waveform, width);
  const made = new Float32Array(Math.round((waveform.length * up) / down));
  for (let sample = 0; sample < made.length; sample++) {
    const phase = (sample * down) % up;
    const weights = (filters[phase] ??= filterAt(phase));
    const from = Math.floor((sample * down) / up) - half + width;
    let total = 0;
    for (let tap = 0; tap < width; tap++) total += weights[tap] * padded[from + tap];
    made[sample] = total;
  }
  return made;
}

// Waveforms in the browser: change their speed, and write them as WAV.

// Changes the speed of all tracks but not the pitch (WSOLA): adds overlapping grains of 40 ms, each moved by up to 10 ms to
// where it continues the one before best.
function stretched(tracks, speed, rate) {
  const hop = Math.round(0.02 * rate), reach = Math.round(0.01 * rate), stride = Math.max(1, Math.round(rate / 6000));
  const length = tracks[0][0].length;
  const mix = new Float32Array(length + 4 * hop);
  for (const samples of tracks.flat()) samples.forEach((sample, at) => { mix[at] += sample; });
  const window = Float32Array.from({ length: 2 * hop }, (_, at) => 0.5 - 0.5 * Math.cos((Math.PI * at) / hop));
  const grains = [0]; // where each grain starts in the sound
  for (let to = hop; to < length / speed; to += hop) {
    const next = grains.at(-1) + hop;
    const middle = Math.round(to * speed);
    let [best, least] = [middle, Infinity];
    for (let from = Math.max(0, middle - reach); from <= middle + reach; from += stride) {
      let difference = 0;
      for (let at = 0; at < hop && difference < least; at += stride) difference += Math.abs(mix[from + at] - mix[next + at]);
      if (difference < least) [best, least] = [from, difference];
    }
    grains.push(Math.min(best, length));
  }
  const stretch = (samples) => {
    const made = new Float32Array(grains.length * hop + hop);
    grains.forEach((from, index) => {
      const grain = samples.subarray(from, from + 2 * hop);
      for (let at = 0; at < grain.length; at++) made[index * hop + at] += grain[at] * (index || at > hop ? window[at] : 1);
    });
    return made.subarray(0, Math.max(1, Math.round(length / speed)));
  };
  return tracks.map((channels) => channels.map(stretch));
}

// Writes samples in [-1, 1], with the channels interleaved, as a WAV file with 16 bits.
function wavOf(samples, rate, channels = 1) {
  const size = 2 * samples.length;
  const ascii = (letters) => [...letters].reduce((word, letter, at) => word + letter.charCodeAt(0) * 256 ** at, 0);
  const format = [16, 1 + 65536 * channels, rate, 2 * channels * rate, 2 * channels + 65536 * 16]; // its length, PCM, bytes and bits
  const words = [ascii("RIFF"), 36 + size, ascii("WAVE"), ascii("fmt "), ...format, ascii("data"), size];
  const limited = (value) => Math.min(Math.max(-32768, Math.round(32768 * value)), 32767);
  const bytes = new Uint8Array(44 + size);
  bytes.set(new Uint8Array(Uint32Array.from(words).buffer)); // low byte first, as on every computer with a browser
  bytes.set(new Uint8Array(Int16Array.from(samples, limited).buffer), 44);
  return bytes.buffer;
}

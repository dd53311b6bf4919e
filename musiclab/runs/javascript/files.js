// Sounds of the page: decode a file, and write what the microphone has recorded as a WAV file.

// Sample rate in the header of a WAV, FLAC or Ogg file. The browser converts every sound to one rate when it decodes it,
// but its filter is not as good as ours, so we let it keep the rate of the file.
function rateOf(bytes) {
  const view = new DataView(bytes);
  const hasText = (text, at) => at + text.length <= bytes.byteLength &&
    [...text].every((letter, index) => view.getUint8(at + index) === letter.charCodeAt(0));
  let rate = 44100;
  if (bytes.byteLength >= 44) {
    if (hasText("RIFF", 0) && hasText("fmt ", 12)) rate = view.getUint32(24, true);
    else if (hasText("fLaC", 0)) rate = view.getUint32(18) >>> 12;
    else if (hasText("OggS", 0) && hasText("vorbis", 29)) rate = view.getUint32(40, true);
  }
  return rate >= 8000 && rate <= 96000 ? rate : 44100;
}

// Chromium divides 16-bit samples by 32,767 if they are positive, and by 32,768 if not. This adds a distortion that only
// features of near silence notice. We undo it if all positive samples are such fractions.
function symmetric(samples) {
  const isWhole = (value) => Math.abs(value - Math.round(value)) < 0.005;
  const positive = samples.filter((sample) => sample > 0);
  if (!positive.every((sample) => isWhole(32767 * sample)) || positive.every((sample) => isWhole(32768 * sample))) return samples;
  return samples.map((sample) => (sample > 0 ? (sample * 32767) / 32768 : sample));
}

// Returns the mean of all channels, {waveform, rate}.
async function decoded(bytes) {
  const rate = rateOf(bytes);
  const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes.slice(0));
  const waveform = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = symmetric(buffer.getChannelData(channel));
    for (let at = 0; at < samples.length; at++) waveform[at] += samples[at] / buffer.numberOfChannels;
  }
  return { waveform, rate };
}

// Writes int16 samples of one channel.
function wavOf(samples, rate) {
  const bytes = new ArrayBuffer(44 + 2 * samples.length);
  const view = new DataView(bytes);
  const text = (at, letters) => [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, bytes.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per sample
  view.setUint16(34, 16, true); // bits per sample
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, index) => view.setInt16(44 + 2 * index, sample, true));
  return bytes;
}

// Decodes base64 to an ArrayBuffer.
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

const unzipped = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

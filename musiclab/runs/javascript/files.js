// Sounds of the page: decode a file.

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

// Decodes base64 to an ArrayBuffer.
function fromBase64(text) {
  const letters = atob(text);
  return new Uint8Array(letters.length).map((_, at) => letters.charCodeAt(at)).buffer;
}

const unzipped = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

// The parts of the feature explorer: its controls, its texts, and its axes. Loaded before explorer.js.

const WINDOW_NAMES = { hann: "Hann", hamming: "Hamming", blackman: "Blackman", boxcar: "none (boxcar)" };
const SCALING_NAMES = { decibel: "dB", ln: "ln x", "log10(1+10x)": "log10(1 + 10 x)", "log10(1+10000x)": "log10(1 + 10,000 x)" };
const GAP = 25; // Hz, smallest distance between fmin and fmax

function specs(sound) {
  const half = sound.rate / 2;
  const inTime = (samples) => `${formatNumber(samples)} (${formatNumber((1000 * samples) / sound.rate)} ms)`;
  const inHertz = (hertz) => `${formatNumber(hertz)} Hz`;
  const powers = (from, to) => Array.from({ length: to - from + 1 }, (_, number) => 2 ** (from + number));
  const lengths = powers(6, 12).filter((length) => length <= sound.samples.length);
  return [
    { name: "n_fft", values: lengths, format: inTime },
    { name: "hop_length", values: powers(6, 11), format: inTime },
    { name: "n_mels", min: 4, max: 256, step: 1, format: (bands) => `${formatNumber(bands)} bands` },
    { name: "decibels", title: "dB range", min: 20, max: 100, step: 5, format: (range) => `${formatNumber(range)} dB` },
    { name: "fmin", min: 0, max: half, step: 25, format: inHertz, clamp: (hertz, get) => Math.min(hertz, get("fmax") - GAP) },
    { name: "fmax", min: 0, max: half, step: 25, format: inHertz, clamp: (hertz, get) => Math.max(hertz, get("fmin") + GAP) },
    { name: "window", options: Object.entries(WINDOW_NAMES) },
    { name: "scaling", options: Object.entries(SCALING_NAMES) },
  ];
}

// Writes the Python code that computes the pictures from `waveform`, as analysis.code does.
function codeOf({ code, rate }, settings) {
  const fill = (text, names) => text.replace(/\{(\w+)\}/g, (_, name) => names[name]);
  const { window, scaling, decibels } = settings;
  const lowest = Number((decibels * (scaling === "ln" ? Math.log(10) / 20 : 1)).toPrecision(7));
  return fill(code.steps, {
    ...settings,
    sample_rate: rate,
    imports: window === "hann" ? code.imports : "",
    mel: window === "hann" ? code.library : fill(code.mel, { formula: code.formulas[scaling] }),
    picture: scaling.startsWith("log10") ? code.positive : fill(code.clipped, { lowest }),
  });
}

// Describes frames, bins and size of the mel spectrogram.
function factsOf({ rate }, { n_fft, hop_length, n_mels, window }, frames) {
  const loudest = SCALINGS.decibel(windowOf(window, n_fft).reduce((sum, weight) => sum + weight, 0) / 2);
  const [frame, hop, bin, level] = [(1000 * n_fft) / rate, (1000 * hop_length) / rate, rate / n_fft, loudest].map(formatNumber);
  return `Frame: ${frame} ms, hop: ${hop} ms, bin: ${bin} Hz. Mel spectrogram: ${n_mels} bands × ${frames.toLocaleString("en-GB")} ` +
    `frames. 0 dB is a magnitude of 1; a sine at full scale has ${level} dB.`;
}

// Lists warnings about settings that leave bands empty or skip samples.
function remarksOf({ n_fft, hop_length, n_mels }, empty) {
  const few = `${empty} of ${n_mels} mel bands ${empty === 1 ? "is" : "are"} empty (red in the filter bank), because no FFT bin lies ` +
    "inside. Use fewer bands or a larger n_fft. ";
  const missed = `The hop (${hop_length} samples) is longer than the frame (${n_fft} samples), so ` +
    `${Math.round(100 - (100 * n_fft) / hop_length)} % of the sound is not in any frame.`;
  return (empty ? few : "") + (hop_length > n_fft ? missed : "");
}

// Draws a colour bar to the right of a picture, with its highest value, its unit and its lowest value.
function drawBar(pen, { left, top, width, height, colour }, colours, { low, high }, unit) {
  const at = left + width + 8;
  pen.drawImage(imageOf(Uint8Array.from({ length: 256 }, (_, level) => level), 256, 1, colours), at, top, 9, height);
  pen.fillStyle = colour.quiet;
  pen.textAlign = "left";
  pen.fillText(formatNumber(high), at + 12, top + 5);
  pen.fillText(unit, at + 12, top + height / 2);
  pen.fillText(formatNumber(low), at + 12, top + height - 5);
}

function figure(name, title, height) {
  const reading = element("span", { class: "musiclab-reading", "aria-live": "polite" });
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-roledescription": "picture" });
  canvas.dataset.picture = name;
  const heading = element("span", {}, title);
  return { name, title, height, canvas, reading, heading, node: element("figure", {}, element("figcaption", {}, heading, reading), canvas) };
}

// Sliders and five plots of a mel spectrogram. Python computes the data (see explorer.py), and this script draws them.

const MARGIN = { left: 58, right: 62, top: 7, bottom: 20 };
const HERTZ = [100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000];
const WINDOW_NAMES = { hann: "Hann", hamming: "Hamming", blackman: "Blackman", boxcar: "none (boxcar)" };
const SCALING_NAMES = { decibel: "dB", ln: "ln x", "log10(1+10x)": "log10(1 + 10 x)", "log10(1+10000x)": "log10(1 + 10,000 x)" };
const UNITS = { decibel: "dB", ln: "ln", "log10(1+10x)": "log10", "log10(1+10000x)": "log10" };

const numbersOf = (view, ArrayType) => new ArrayType(bytesOf(view).slice().buffer); // a copy, because views may be unaligned

function settings(sound) {
  const half = sound.sampleRate / 2;
  const inTime = (samples) => `${formatNumber(samples)} samples, ${formatNumber((1000 * samples) / sound.sampleRate)} ms`;
  const inHertz = (hertz) => `${formatNumber(hertz)} Hz`;
  const powers = (from, to) => Array.from({ length: to - from + 1 }, (_, number) => 2 ** (from + number));
  const options = (name, words) => sound.choices[name].map((value) => [value, words[value]]);
  return [
    { name: "n_fft", values: powers(6, 12), format: inTime },
    { name: "hop_length", values: powers(6, 11), format: inTime },
    { name: "n_mels", min: 4, max: 256, step: 1, format: (bands) => `${formatNumber(bands)} bands` },
    { name: "decibels", title: "dB range", min: 20, max: 100, step: 5, format: (range) => `${formatNumber(range)} dB below the peak` },
    { name: "fmin", min: 0, max: half, step: 25, format: inHertz },
    { name: "fmax", min: 0, max: half, step: 25, format: inHertz },
    { name: "window", options: options("window", WINDOW_NAMES) },
    { name: "scaling", options: options("scaling", SCALING_NAMES) },
  ];
}

// Draws the frame and the axes of a plot. `box` is {left, top, width, height} in pixels. `x` and `y` are {low, high, label,
// at}, where `at` lists the ticks as [value, text].
function drawAxes(context, box, x, y, theme) {
  const bottom = box.top + box.height;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.ink;
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [value, text] of x.at) {
    const across = box.left + ((value - x.low) / (x.high - x.low)) * box.width;
    context.fillRect(across, bottom, 1, 3);
    context.fillText(text, across, bottom + 5);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of y.at) {
    const down = bottom - ((value - y.low) / (y.high - y.low)) * box.height;
    context.fillRect(box.left - 4, down, 3, 1);
    context.fillText(text, box.left - 6, down);
  }
  if (y.label) upright(context, y.label, 9, box.top + box.height / 2);
}

// Draws a colour bar to the right of a box, with its unit and its lowest and highest value.
function drawBar(context, box, colours, low, high, unit, theme) {
  const left = box.left + box.width + 8;
  context.drawImage(imageOf(Uint8Array.from({ length: 256 }, (_, level) => level), 256, 1, colours), left, box.top, 9, box.height);
  context.fillStyle = theme.ink;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(formatNumber(high), left + 12, box.top);
  context.textBaseline = "bottom";
  context.fillText(formatNumber(low), left + 12, box.top + box.height);
  context.textBaseline = "middle";
  context.fillText(unit, left + 12, box.top + box.height / 2);
}

function figure(name, title, height) {
  const reading = element("span", { class: "musiclab-reading", "aria-live": "polite" });
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-roledescription": "picture" });
  canvas.dataset.picture = name;
  const heading = element("span", {}, title);
  return { name, title, height, canvas, reading, heading, node: element("figure", {}, element("figcaption", {}, heading, reading), canvas) };
}

function render({ model, el }) {
  const sound = model.get("sound");
  const colours = { levels: bytesOf(sound.levels), signed: bytesOf(sound.signed) };
  const outline = numbersOf(sound.outline, Int8Array), columns = outline.length / 2;
  const panels = {
    waveform: figure("waveform", "Waveform", 84),
    spectrogram: figure("spectrogram", "Spectrogram", 180),
    mel: figure("mel", "Mel spectrogram", 170),
    mfcc: figure("mfcc", "MFCC", 150),
    bank: figure("bank", "Filter bank", 180),
  };
  let started = null; // time at which the reader moved a slider
  const [grid, updates] = controls(model, settings(sound), () => (started ??= performance.now()));
  const problem = element("p", { class: "musiclab-problem", role: "alert" });
  const remarks = element("p", { class: "musiclab-remarks", role: "status" });
  const facts = element("p", { class: "musiclab-quiet" });
  const code = element("code"), copy = element("button", { type: "button" }, "Copy");
  const source = element("section", {}, element("h4", {}, "Python code ", copy), element("pre", { tabindex: 0, "aria-label": "Python code" }, code));
  const left = ["waveform", "spectrogram", "mel", "mfcc"].map((name) => panels[name].node);
  const root = element("div", { class: "musiclab musiclab-explorer", role: "group", "aria-label": "Feature explorer" },
    grid, problem,
    element("div", { class: "musiclab-columns" },
      element("div", {}, ...left), element("div", {}, panels.bank.node, facts, remarks, source)));
  el.append(root);

  let drawn, images, cursor = null; // cursor: position of the pointer, as {time, panel, across, up}
  const unpack = () => {
    drawn = model.get("drawn");
    images = {};
    for (const name of ["spectrogram", "mel", "mfcc"]) {
      const { cells, rows, columns } = drawn[name];
      images[name] = imageOf(bytesOf(cells), rows, columns, name === "mfcc" ? colours.signed : colours.levels);
    }
    drawn.edges = numbersOf(drawn.corners, Float32Array);
    drawn.bank.from = numbersOf(drawn.bank.first, Int32Array);
    drawn.bank.many = numbersOf(drawn.bank.counts, Int32Array);
    drawn.bank.all = numbersOf(drawn.bank.weights, Float32Array);
  };

  const upTo = (name) => ({ spectrogram: sound.sampleRate / 2, mel: drawn.mel.rows * drawn.mel.down, mfcc: drawn.mfcc.rows + 0.5 })[name];
  const unitOf = (name) => (name === "mel" ? UNITS[drawn.settings.scaling] : "dB");

  function drawTimes(panel, theme, context, box) {
    const { name } = panel, packed = drawn[name];
    const x = { low: 0, high: sound.seconds, at: ticks(0, sound.seconds, box.width / 70).map((time) => [time, formatNumber(time)]) };
    x.at[x.at.length - 1][1] += " s";
    let y;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    const across = (time) => box.left + (time / sound.seconds) * box.width;
    if (name === "waveform") {
      y = { low: -sound.reach, high: sound.reach, at: [-sound.reach, 0, sound.reach].map((value) => [value, formatNumber(value)]) };
      context.fillStyle = theme.accent;
      const down = (value) => box.top + (0.5 - value / 254) * box.height;
      const wide = box.width / columns;
      for (let column = 0; column < columns; column++) {
        const [low, high] = [outline[2 * column], outline[2 * column + 1]].map(down);
        context.fillRect(box.left + column * wide, high, Math.max(1, wide), Math.max(1, low - high));
      }
    } else {
      const bottom = name === "mfcc" ? 0.5 : 0, top = upTo(name);
      y = { low: bottom, high: top, at: [] };
      if (name === "spectrogram") y.at = ticks(0, top, 5).map((hertz) => [hertz, formatNumber(hertz)]);
      if (name === "mel") {
        const inside = HERTZ.filter((hertz) => hertz >= drawn.settings.fmin && hertz <= drawn.settings.fmax);
        y.at = inside.map((hertz) => [bandOf(drawn.edges, hertz), formatNumber(hertz)]).filter(([band]) => band >= 0 && band <= top);
        const room = (13 * top) / box.height; // smallest distance between labels, so that they don't overlap
        y.at = y.at.reduceRight((kept, tick) => (kept.length && kept[0][0] - tick[0] < room ? kept : [tick, ...kept]), []);
      }
      if (name === "mfcc") y.at = ticks(1, top, 4).filter(Number.isInteger).map((number) => [number, formatNumber(number)]);
      const height = (up) => (up / (top - bottom)) * box.height;
      const width = across(packed.columns * packed.along * packed.step) - box.left;
      const tall = height(packed.rows * packed.down * packed.height);
      // average cells that are smaller than pixels, and draw larger cells as rectangles
      context.imageSmoothingEnabled = packed.columns > context.canvas.width || packed.rows > 2 * tall;
      const down = box.top + box.height - height(packed.bottom - bottom) - tall;
      context.drawImage(images[name], across(packed.left), down, width, tall);
    }
    if (cursor?.time !== undefined) {
      context.strokeStyle = name === "waveform" || name === "mfcc" ? theme.ink : "#ffffff";
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(across(cursor.time), box.top);
      context.lineTo(across(cursor.time), box.top + box.height);
      context.stroke();
    }
    context.restore();
    if (name !== "waveform") drawBar(context, box, name === "mfcc" ? colours.signed : colours.levels, packed.low, packed.high, unitOf(name), theme);
    y.label = { waveform: "", spectrogram: "Hz", mel: "Hz (mel)", mfcc: "coefficient" }[name];
    drawAxes(context, box, x, y, theme);
  }

  function drawBank(panel, theme, context, box) {
    const { bank } = drawn, top = sound.sampleRate / 2;
    const x = { low: 0, high: top, at: ticks(0, top, box.width / 80).map((hertz) => [hertz, formatNumber(hertz)]) };
    x.at[x.at.length - 1][1] += " Hz";
    const across = (hertz) => box.left + (hertz / top) * box.width;
    const up = (weight) => box.top + box.height * (1 - weight / (bank.highest * 1.05 || 1));
    let index = 0;
    for (let band = 0; band < bank.many.length; band++) {
      const chosen = cursor?.band === band;
      context.strokeStyle = chosen ? theme.ink : theme.accent;
      context.lineWidth = chosen ? 2.5 : 1;
      context.beginPath();
      if (bank.many[band]) context.moveTo(across((bank.from[band] - 1) * bank.step), up(0));
      for (let bin = 0; bin < bank.many[band]; bin++) context.lineTo(across((bank.from[band] + bin) * bank.step), up(bank.all[index++]));
      if (bank.many[band]) context.lineTo(across((bank.from[band] + bank.many[band]) * bank.step), up(0));
      context.stroke();
    }
    context.fillStyle = "#d62728";
    for (const band of bank.empty) context.fillRect(across(drawn.edges[band + 1]) - 1, up(0) - 9, 2, 9);
    drawAxes(context, box, x, { low: 0, high: 1, label: "weight", at: [[0, "0"]] }, theme);
  }

  function draw() {
    if (!root.clientWidth) return; // hidden; it will be drawn when it becomes visible
    for (const panel of Object.values(panels)) {
      const [context, width] = sharpened(panel.canvas, panel.height);
      const right = panel.name === "bank" ? 16 : MARGIN.right, inset = panel.name === "bank" ? 30 : MARGIN.left;
      const box = { left: inset, top: MARGIN.top, width: Math.max(10, width - inset - right), height: panel.height - MARGIN.top - MARGIN.bottom };
      panel.box = box;
      (panel.name === "bank" ? drawBank : drawTimes)(panel, coloursOf(panel.canvas, "ink", "line", "accent"), context, box);
    }
  }

  // Writes the values at the pointer or at the keyboard cursor.
  function read() {
    for (const panel of Object.values(panels)) panel.reading.textContent = "";
    if (!cursor) return;
    const { panel, across, up } = cursor;
    if (panel.name === "bank") {
      const hertz = (across * sound.sampleRate) / 2;
      const band = lastBelow(drawn.edges, hertz); // of two overlapping bands, the upper one
      cursor.band = band >= 0 && band < drawn.bank.many.length ? band : undefined;
      if (cursor.band === undefined) panel.reading.textContent = `${formatNumber(hertz)} Hz: no band`;
      else {
        const bins = drawn.bank.many[band], [low, high] = [drawn.edges[band], drawn.edges[band + 2]];
        panel.reading.textContent = `band ${band}: ${formatNumber(low)} to ${formatNumber(high)} Hz, ${bins} ${bins === 1 ? "bin" : "bins"}`;
      }
      return;
    }
    cursor.time = across * sound.seconds;
    const packed = drawn[panel.name];
    if (!packed) {
      panel.reading.textContent = `${cursor.time.toFixed(2)} s`;
      return;
    }
    const bottom = panel.name === "mfcc" ? 0.5 : 0, value = bottom + up * (upTo(panel.name) - bottom);
    const column = Math.min(packed.columns - 1, Math.max(0, Math.floor((cursor.time - packed.left) / packed.step / packed.along)));
    const line = Math.min(packed.rows - 1, Math.max(0, Math.floor((value - packed.bottom) / packed.height / packed.down)));
    if (line < 0) return;
    const byte = bytesOf(packed.cells)[line * packed.columns + column];
    const level = packed.low + (byte / 255) * (packed.high - packed.low);
    const position = {
      spectrogram: () => `${formatNumber(Math.round(value))} Hz`,
      mel: () => `band ${line * packed.down} around ${formatNumber(Math.round(drawn.edges[line * packed.down + 1]))} Hz`,
      mfcc: () => `coefficient ${line + 1}`,
    }[panel.name]();
    const isExact = panel.name === "mel" && drawn.settings.scaling.startsWith("log10"); // 0 is silence, not a clipped level
    const bound = byte === 0 && !isExact ? "at most " : byte === 255 && panel.name === "mfcc" ? "at least " : "";
    panel.reading.textContent = `${cursor.time.toFixed(2)} s, ${position}: ${bound}${formatNumber(Math.round(level * 10) / 10)} ${unitOf(panel.name)}`;
  }

  function point(panel, across, up) {
    const inside = (share) => Math.min(1, Math.max(0, share));
    cursor = { panel, across: inside(across), up: inside(up) };
    read();
    draw();
  }

  for (const panel of Object.values(panels)) {
    const { canvas } = panel;
    canvas.addEventListener("pointermove", (event) => {
      const { box } = panel;
      point(panel, (event.offsetX - box.left) / box.width, 1 - (event.offsetY - box.top) / box.height);
    });
    const leave = () => {
      cursor = null;
      read();
      draw();
    };
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("blur", leave);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const packed = drawn[panel.name];
      const at = cursor?.panel === panel ? cursor : { across: 0.5, up: 0.5 };
      const wide = packed ? (packed.step * packed.along) / sound.seconds : 0.005;
      const high = packed ? 1 / Math.max(1, packed.rows) : 0.02;
      point(panel, at.across + step[0] * wide, at.up + step[1] * high);
    });
  }

  function show() {
    unpack();
    read();
    draw();
    code.textContent = model.get("code");
    facts.textContent = drawn.facts;
    remarks.textContent = drawn.remarks.join(" ");
    panels.mel.heading.textContent = `Mel spectrogram, ${formatNumber(drawn.mel.rows * drawn.mel.down)} bands`;
    panels.mfcc.heading.textContent = drawn.mfcc.rows ? `MFCC 1 to ${drawn.mfcc.rows} (without coefficient 0, the level)` : "MFCC: only coefficient 0, the level";
    for (const { canvas, title } of Object.values(panels)) {
      canvas.setAttribute("aria-label", `${title}. Use the arrow keys to read it cell by cell. ${drawn.facts}`);
    }
    if (started !== null) root.dataset.milliseconds = Math.round(performance.now() - started); // for the tests
    started = null;
    root.dataset.shown = JSON.stringify(drawn.settings);
  }
  function tell() {
    problem.textContent = model.get("problem");
    if (problem.textContent) started = null;
  }
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(model.get("code"));
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // the page may not write to the clipboard
      copy.textContent = "Selected. Press Ctrl+C to copy.";
    }
  });

  const handlers = { "change:drawn": show, "change:problem": tell };
  for (const [name, update] of Object.entries(updates)) handlers[`change:${name}`] = update;
  for (const handler of Object.values(handlers)) handler();
  const stopListening = listen(model, handlers);
  const stopFollowing = followPage(root, draw);
  return () => {
    stopListening();
    stopFollowing();
  };
}

export default { render };

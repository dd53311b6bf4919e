// Sliders for a mel spectrogram and five pictures. Python computes (explorer.py says what it sends); here it is drawn.

const MARGIN = { left: 58, right: 62, top: 7, bottom: 20 };
const HERTZ = [100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000];
const WINDOW_NAMES = { hann: "Hann", hamming: "Hamming", blackman: "Blackman", boxcar: "none (boxcar)" };
const UNITS = { decibel: "dB", ln: "ln", "log10(1+10x)": "log10" };

const numbersOf = (view, Kind) => new Kind(bytesOf(view).slice().buffer); // copied: a view may begin anywhere

function controls(model, changed) {
  const sound = model.get("sound"), half = sound.sampleRate / 2;
  const inTime = (samples) => `${written(samples)} samples, ${written((1000 * samples) / sound.sampleRate)} ms`;
  const powers = (from, to) => Array.from({ length: to - from + 1 }, (_, number) => 2 ** (from + number));
  const sliders = [
    { name: "n_fft", values: powers(6, 12), says: inTime },
    { name: "hop_length", values: powers(6, 11), says: inTime },
    { name: "n_mels", low: 4, high: 256, step: 1, says: (bands) => `${written(bands)} bands` },
    { name: "decibels", title: "dB range", low: 20, high: 100, step: 5, says: (range) => `${written(range)} dB under the peak` },
    { name: "fmin", low: 0, high: half, step: 25, says: (hertz) => `${written(hertz)} Hz` },
    { name: "fmax", low: 0, high: half, step: 25, says: (hertz) => `${written(hertz)} Hz` },
  ];
  const row = element("div", { class: "musiclab-controls" });
  const updates = {};
  const put = (name, title, control, said) => {
    control.id = uniqueId();
    control.dataset.setting = name;
    row.append(element("div", {}, element("label", { htmlFor: control.id }, title), said ?? "", control));
  };
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes(); // while Python is busy Jupyter keeps the newest values only: the last one wins
    changed();
  };
  for (const { name, title, values, low, high, step, says } of sliders) {
    const ends = values ? { min: 0, max: values.length - 1, step: 1 } : { min: low, max: high, step };
    const slider = element("input", { type: "range", ...ends });
    const said = element("output", {});
    slider.addEventListener("input", () => {
      set(name, values ? values[slider.valueAsNumber] : slider.valueAsNumber);
      updates[name]();
    });
    put(name, title ?? name, slider, said);
    updates[name] = () => {
      const value = model.get(name);
      const nearest = (best, each, place) => (Math.abs(each - value) < Math.abs(values[best] - value) ? place : best);
      slider.value = values ? values.reduce(nearest, 0) : value;
      said.textContent = says(value);
      slider.setAttribute("aria-valuetext", says(value));
    };
  }
  for (const [name, words] of [["window", WINDOW_NAMES], ["scaling", { decibel: "dB", ln: "ln x", "log10(1+10x)": "log10(1 + 10 x)" }]]) {
    const choice = element("select", {}, ...sound.choices[name].map((value) => element("option", { value }, words[value] ?? value)));
    choice.addEventListener("change", () => set(name, choice.value));
    put(name, name, choice);
    updates[name] = () => (choice.value = model.get(name));
  }
  return [row, updates];
}

function figure(name, title, height) {
  const reading = element("span", { class: "musiclab-reading", "aria-live": "polite" });
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-roledescription": "picture" });
  canvas.dataset.picture = name;
  const heading = element("span", {}, title);
  return { name, height, canvas, reading, heading, node: element("figure", {}, element("figcaption", {}, heading, reading), canvas) };
}

function render({ model, el }) {
  const sound = model.get("sound");
  const colours = { levels: bytesOf(sound.levels), signed: bytesOf(sound.signed) };
  const envelope = numbersOf(sound.envelope, Float32Array), parts = envelope.length / 2;
  const panels = {
    waveform: figure("waveform", "Waveform", 84),
    spectrogram: figure("spectrogram", "Spectrogram", 180),
    mel: figure("mel", "Mel spectrogram", 170),
    mfcc: figure("mfcc", "MFCC", 150),
    bank: figure("bank", "Filter bank", 180),
  };
  let started = null; // when the reader moved a slider
  const [row, updates] = controls(model, () => (started ??= performance.now()));
  const problem = element("p", { class: "musiclab-problem", role: "alert" });
  const remarks = element("p", { class: "musiclab-remarks", role: "status" });
  const facts = element("p", { class: "musiclab-facts" });
  const code = element("code"), copy = element("button", { type: "button" }, "Copy");
  const source = element("section", {}, element("h4", {}, "The same in Python ", copy), element("pre", { tabindex: 0, "aria-label": "Code" }, code));
  const left = ["waveform", "spectrogram", "mel", "mfcc"].map((name) => panels[name].node);
  const root = element("div", { class: "musiclab-explorer", role: "group", "aria-label": "Feature explorer" },
    row, problem,
    element("div", { class: "musiclab-columns" },
      element("div", {}, ...left), element("div", {}, panels.bank.node, facts, remarks, source)));
  el.append(root);

  let drawn, images, cursor = null; // cursor: {time, panel, across, up}: where the reader points
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
  const bandOf = (hertz) => { // a band has its peak half a step above its lower edge
    const after = drawn.edges.findIndex((each) => each > hertz), before = after - 1;
    if (after < 1) return after < 0 ? drawn.edges.length - 1.5 : -0.5;
    return before + (hertz - drawn.edges[before]) / (drawn.edges[after] - drawn.edges[before]) - 0.5;
  };

  function drawTimes(panel, theme, context, box) {
    const { name } = panel, packed = drawn[name];
    const x = { low: 0, high: sound.seconds, at: ticks(0, sound.seconds, box.width / 70).map((time) => [time, written(time)]) };
    x.at[x.at.length - 1][1] += " s";
    let y;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    const across = (time) => box.left + (time / sound.seconds) * box.width;
    if (name === "waveform") {
      const most = Math.max(...envelope.map(Math.abs), 1e-3);
      y = { low: -most, high: most, at: [-most, 0, most].map((value) => [value, written(value)]) };
      context.fillStyle = theme.mark;
      for (let part = 0; part < parts; part++) {
        const [low, high] = [envelope[part], envelope[parts + part]];
        const top = box.top + (0.5 - high / most / 2) * box.height;
        context.fillRect(box.left + (part / parts) * box.width, top, Math.max(1, box.width / parts), Math.max(1, ((high - low) / most / 2) * box.height));
      }
    } else {
      const bottom = name === "mfcc" ? 0.5 : 0, top = upTo(name);
      y = { low: bottom, high: top, at: [] };
      if (name === "spectrogram") y.at = ticks(0, top, 5).map((hertz) => [hertz, written(hertz)]);
      if (name === "mel") {
        const inside = HERTZ.filter((hertz) => hertz >= drawn.settings.fmin && hertz <= drawn.settings.fmax);
        y.at = inside.map((hertz) => [bandOf(hertz), written(hertz)]).filter(([band]) => band >= 0 && band <= top);
        const room = (13 * top) / box.height; // no label on top of another
        y.at = y.at.reduceRight((kept, each) => (kept.length && kept[0][0] - each[0] < room ? kept : [each, ...kept]), []);
      }
      if (name === "mfcc") y.at = ticks(1, top, 4).filter(Number.isInteger).map((number) => [number, written(number)]);
      const height = (up) => (up / (top - bottom)) * box.height;
      const width = across(packed.columns * packed.along * packed.step) - box.left;
      const tall = height(packed.rows * packed.down * packed.height);
      // many cells on few pixels are averaged, few on many stay the rectangles that they are
      context.imageSmoothingEnabled = packed.columns > context.canvas.width || packed.rows > 2 * tall;
      const down = box.top + box.height - height(packed.bottom - bottom) - tall;
      context.drawImage(images[name], across(packed.left), down, width, tall);
    }
    if (cursor?.time !== undefined) {
      context.strokeStyle = name === "waveform" || name === "mfcc" ? theme.text : "#ffffff";
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(across(cursor.time), box.top);
      context.lineTo(across(cursor.time), box.top + box.height);
      context.stroke();
    }
    context.restore();
    if (name !== "waveform") drawBar(context, box, name === "mfcc" ? colours.signed : colours.levels, packed.low, packed.high, unitOf(name), theme);
    y.label = { waveform: "", spectrogram: "Hz", mel: "Hz (mel)", mfcc: "number" }[name];
    drawAxes(context, box, x, y, theme);
  }

  function drawBank(panel, theme, context, box) {
    const { bank } = drawn, top = sound.sampleRate / 2;
    const x = { low: 0, high: top, at: ticks(0, top, box.width / 80).map((hertz) => [hertz, written(hertz)]) };
    x.at[x.at.length - 1][1] += " Hz";
    const across = (hertz) => box.left + (hertz / top) * box.width;
    const up = (weight) => box.top + box.height * (1 - weight / (bank.highest * 1.05 || 1));
    let place = 0;
    for (let band = 0; band < bank.many.length; band++) {
      const chosen = cursor?.band === band;
      context.strokeStyle = chosen ? theme.text : theme.mark;
      context.lineWidth = chosen ? 2.5 : 1;
      context.beginPath();
      if (bank.many[band]) context.moveTo(across((bank.from[band] - 1) * bank.step), up(0));
      for (let bin = 0; bin < bank.many[band]; bin++) context.lineTo(across((bank.from[band] + bin) * bank.step), up(bank.all[place++]));
      if (bank.many[band]) context.lineTo(across((bank.from[band] + bank.many[band]) * bank.step), up(0));
      context.stroke();
    }
    context.fillStyle = "#d62728";
    for (const band of bank.empty) context.fillRect(across(drawn.edges[band + 1]) - 1, up(0) - 9, 2, 9);
    drawAxes(context, box, x, { low: 0, high: 1, label: "weight", at: [[0, "0"]] }, theme);
  }

  function draw() {
    if (!root.clientWidth) return; // hidden: it is drawn when it is shown
    for (const panel of Object.values(panels)) {
      const [context, width] = sharpened(panel.canvas, panel.height);
      const right = panel.name === "bank" ? 16 : MARGIN.right, inset = panel.name === "bank" ? 30 : MARGIN.left;
      const box = { left: inset, top: MARGIN.top, width: Math.max(10, width - inset - right), height: panel.height - MARGIN.top - MARGIN.bottom };
      panel.box = box;
      (panel.name === "bank" ? drawBank : drawTimes)(panel, coloursOf(panel.canvas, "text", "line", "mark"), context, box);
    }
  }

  // What stands under the pointer, or under the keys, in words.
  function read() {
    for (const panel of Object.values(panels)) panel.reading.textContent = "";
    if (!cursor) return;
    const { panel, across, up } = cursor;
    if (panel.name === "bank") {
      const hertz = (across * sound.sampleRate) / 2;
      const band = drawn.edges.findIndex((edge) => edge > hertz) - 1; // the one that begins last before it
      cursor.band = band >= 0 && band < drawn.bank.many.length ? band : undefined;
      if (cursor.band === undefined) panel.reading.textContent = `${written(hertz)} Hz: in no band`;
      else {
        const bins = drawn.bank.many[band], [low, high] = [drawn.edges[band], drawn.edges[band + 2]];
        panel.reading.textContent = `band ${band}: ${written(low)} to ${written(high)} Hz, ${bins} ${bins === 1 ? "bin" : "bins"}`;
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
    const where = {
      spectrogram: () => `${written(Math.round(value))} Hz`,
      mel: () => `band ${line * packed.down} around ${written(Math.round(drawn.edges[line * packed.down + 1]))} Hz`,
      mfcc: () => `coefficient ${line + 1}`,
    }[panel.name]();
    const ends = panel.name === "mel" && drawn.settings.scaling === "log10(1+10x)"; // at 0, where there is no sound
    const beyond = byte === 0 && !ends ? "at most " : byte === 255 && panel.name === "mfcc" ? "at least " : "";
    panel.reading.textContent = `${cursor.time.toFixed(2)} s, ${where}: ${beyond}${written(Math.round(level * 10) / 10)} ${unitOf(panel.name)}`;
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
    panels.mel.heading.textContent = `Mel spectrogram, ${written(drawn.mel.rows * drawn.mel.down)} bands`;
    panels.mfcc.heading.textContent = drawn.mfcc.rows ? `MFCC 1 to ${drawn.mfcc.rows} (0, the level, is left out)` : "MFCC: none beside the level";
    const names = { waveform: "Waveform", spectrogram: "Spectrogram", mel: "Mel spectrogram", mfcc: "MFCC", bank: "Filter bank" };
    for (const panel of Object.values(panels)) {
      panel.canvas.setAttribute("aria-label", `${names[panel.name]}; arrow keys read it cell by cell; ${drawn.facts}`);
    }
    if (started !== null) root.dataset.milliseconds = Math.round(performance.now() - started); // read by the tests
    started = null;
    root.dataset.shown = JSON.stringify(drawn.settings);
  }
  function tell() {
    problem.textContent = model.get("problem");
    root.classList.toggle("musiclab-stale", problem.textContent !== "");
    if (problem.textContent) started = null;
  }
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(model.get("code"));
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // a page that may not write the clipboard: one key is left to press
      copy.textContent = "Selected: press Ctrl+C";
    }
  });

  const listeners = [["change:drawn", show], ["change:problem", tell]];
  for (const [name, update] of Object.entries(updates)) {
    update();
    listeners.push([`change:${name}`, update]);
  }
  for (const [event, handler] of listeners) model.on(event, handler);
  show();
  tell();
  const stopTheme = followTheme(draw);
  const resized = new ResizeObserver(draw);
  resized.observe(root);
  return () => {
    stopTheme();
    resized.disconnect();
    for (const [event, handler] of listeners) model.off(event, handler);
  };
}

export default { render };

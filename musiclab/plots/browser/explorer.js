// Sliders and five plots of a mel spectrogram, which is computed here (see analysis.js). Trait `sound`: the samples, the
// colour maps, and the pieces of the Python code that computes the same (see explorer.py).

const MARGIN = { left: 58, right: 62, top: 4 };
const AXIS = 20; // height of the time axis, which the pictures share
const HERTZ = [100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000];

function render({ model, el }) {
  const { samples: view, isPcm, ...rest } = model.get("sound");
  const bytes = bytesOf(view).slice().buffer; // a copy, because views may be unaligned
  const sound = { ...rest, samples: isPcm ? Float32Array.from(new Int16Array(bytes), (value) => value / 32768) : new Float32Array(bytes) };
  const { samples, rate } = sound, seconds = samples.length / rate;
  const reach = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-4);
  const colours = { levels: bytesOf(sound.levels), signed: bytesOf(sound.signed) };
  const panels = {
    waveform: figure("waveform", "Waveform", 46),
    spectrogram: figure("spectrogram", "Spectrogram", 112),
    mel: figure("mel", "Mel spectrogram", 112),
    mfcc: figure("mfcc", "MFCC", 92 + AXIS),
    bank: figure("bank", "Filter bank", 150),
  };
  let started = null; // time at which the reader moved a slider
  const [grid, updates] = controls(model, specs(sound), () => (started ??= performance.now()));
  const play = element("button", { type: "button" }, "▶ Play"), reset = element("button", { type: "button" }, "Reset");
  const facts = element("p", { class: "musiclab-quiet" });
  const remarks = element("p", { class: "musiclab-remarks", role: "status" });
  const code = element("code"), copy = element("button", { type: "button" }, "Copy");
  const source = element("section", {}, element("h4", {}, "Python code, needs a waveform", copy),
    element("pre", { tabindex: 0, "aria-label": "Python code" }, code));
  const head = element("div", { class: "musiclab-playhead", hidden: true });
  const left = ["waveform", "spectrogram", "mel", "mfcc"].map((name) => panels[name].node);
  const root = element("div", { class: "musiclab musiclab-explorer", role: "group", "aria-label": "Feature explorer" },
    grid, element("div", { class: "musiclab-bar" }, play, reset, facts),
    element("div", { class: "musiclab-columns" },
      element("div", { class: "musiclab-times" }, ...left, head), element("div", {}, panels.bank.node, remarks, source)));
  el.append(root);

  const names = Object.keys(updates);
  let settings, shown, images, cursor = null; // cursor: position of the pointer, as {time, panel, across, up}
  const upTo = (name) => ({ spectrogram: rate / 2, mel: shown.mel.rows, mfcc: shown.mfcc.rows + 0.5 })[name];
  const unitOf = (name) => ({ spectrogram: "dB re 1", mel: UNITS[settings.scaling], mfcc: "dB" })[name];
  // position of the lowest row of a picture on its axis, and height of a row
  const rowsOf = (name) => ({ spectrogram: [-0.5 * (rate / settings.n_fft), shown.down * (rate / settings.n_fft)], mel: [0, 1], mfcc: [0.5, 1] })[name];

  function drawTimes(panel, theme, context, box) {
    const { name } = panel, picture = shown[name];
    const x = { low: 0, high: seconds, at: ticks(0, seconds, box.width / 70).map((time) => [time, name === "mfcc" ? formatNumber(time) : ""]) };
    if (name === "mfcc") x.at[x.at.length - 1][1] += " s";
    let y;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    const across = (time) => box.left + (time / seconds) * box.width;
    if (name === "waveform") {
      y = { low: -reach, high: reach, at: [-reach, 0, reach].map((value) => [value, formatNumber(Number(value.toPrecision(2)))]) };
      context.fillStyle = theme.accent;
      const down = (value) => box.top + (0.5 - value / reach / 2) * box.height;
      const each = samples.length / box.width; // samples per pixel
      for (let pixel = 0; pixel < box.width; pixel++) {
        let [low, high] = [Infinity, -Infinity];
        for (let at = Math.floor(pixel * each); at < Math.max((pixel + 1) * each, Math.floor(pixel * each) + 1) && at < samples.length; at++) {
          low = Math.min(low, samples[at]);
          high = Math.max(high, samples[at]);
        }
        context.fillRect(box.left + pixel, down(high), 1, Math.max(1, down(low) - down(high)));
      }
    } else {
      const bottom = name === "mfcc" ? 0.5 : 0, top = upTo(name);
      y = { low: bottom, high: top, at: [] };
      if (name === "spectrogram") y.at = ticks(0, top, 4).map((hertz) => [hertz, formatNumber(hertz)]);
      if (name === "mel") {
        const inside = HERTZ.filter((hertz) => hertz >= settings.fmin && hertz <= settings.fmax);
        y.at = inside.map((hertz) => [bandOf(shown.corners, hertz), formatNumber(hertz)]).filter(([band]) => band >= 0 && band <= top);
        const room = (13 * top) / box.height; // smallest distance between labels, so that they don't overlap
        y.at = y.at.reduceRight((kept, tick) => (kept.length && kept[0][0] - tick[0] < room ? kept : [tick, ...kept]), []);
      }
      if (name === "mfcc") y.at = ticks(1, top, 4).filter(Number.isInteger).map((number) => [number, formatNumber(number)]);
      const height = (up) => (up / (top - bottom)) * box.height;
      const [lowest, rowHeight] = rowsOf(name);
      const tall = height(picture.rows * rowHeight);
      // average cells that are smaller than pixels, and draw larger cells as rectangles
      context.imageSmoothingEnabled = picture.columns > context.canvas.width || picture.rows > 2 * tall;
      const down = box.top + box.height - height(lowest - bottom) - tall;
      context.drawImage(images[name], across(shown.left), down, across(picture.columns * shown.step) - box.left, tall);
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
    if (picture) drawBar(context, box, name === "mfcc" ? colours.signed : colours.levels, picture.low, picture.high, unitOf(name), theme);
    y.label = { waveform: "", spectrogram: "Hz", mel: "Hz (mel)", mfcc: "coefficient" }[name];
    drawAxes(context, box, x, y, theme);
  }

  function drawBank(panel, theme, context, box) {
    const { bank } = shown, top = rate / 2, bin = rate / settings.n_fft;
    const x = { low: 0, high: top, at: ticks(0, top, box.width / 80).map((hertz) => [hertz, formatNumber(hertz)]) };
    x.at[x.at.length - 1][1] += " Hz";
    const highest = Math.max(...bank.map(({ weights }) => largestOf(weights)));
    const across = (hertz) => box.left + (hertz / top) * box.width;
    const up = (weight) => box.top + box.height * (1 - weight / (highest * 1.05));
    bank.forEach(({ first, weights }, band) => {
      const chosen = cursor?.band === band;
      context.strokeStyle = chosen ? theme.ink : theme.accent;
      context.lineWidth = chosen ? 2.5 : 1;
      context.beginPath();
      if (weights.length) [0, ...weights, 0].forEach((weight, at) => context.lineTo(across((first - 1 + at) * bin), up(weight)));
      context.stroke();
      if (weights.length) return;
      context.fillStyle = "#d62728";
      context.fillRect(across(shown.corners[band + 1]) - 1, box.top + box.height - 9, 2, 9);
    });
    drawAxes(context, box, x, { low: 0, high: 1, label: "weight", at: [[0, "0"]] }, theme);
  }

  function draw() {
    if (!root.clientWidth) return; // hidden; it will be drawn when it becomes visible
    for (const panel of Object.values(panels)) {
      const [context, width] = sharpened(panel.canvas, panel.height);
      const isBank = panel.name === "bank";
      const [inset, right] = isBank ? [30, 16] : [MARGIN.left, MARGIN.right];
      const bottom = isBank || panel.name === "mfcc" ? AXIS : 4;
      const top = panel.name === "waveform" ? 7 : MARGIN.top; // room for the label of the peak
      const box = { left: inset, top, width: Math.max(10, width - inset - right), height: panel.height - top - bottom };
      panel.box = box;
      (isBank ? drawBank : drawTimes)(panel, coloursOf(panel.canvas, "ink", "line", "accent"), context, box);
    }
  }

  // Writes the values at the pointer or at the keyboard cursor.
  function read() {
    for (const panel of Object.values(panels)) panel.reading.textContent = "";
    if (!cursor) return;
    const { panel, across, up } = cursor;
    if (panel.name === "bank") {
      const hertz = (across * rate) / 2;
      const band = lastBelow(shown.corners, hertz); // of two overlapping bands, the upper one
      cursor.band = band >= 0 && band < shown.bank.length ? band : undefined;
      if (cursor.band === undefined) panel.reading.textContent = `${formatNumber(hertz)} Hz: no band`;
      else {
        const bins = shown.bank[band].weights.length, [low, high] = [shown.corners[band], shown.corners[band + 2]];
        panel.reading.textContent = `band ${band}: ${formatNumber(low)} to ${formatNumber(high)} Hz, ${bins} ${bins === 1 ? "bin" : "bins"}`;
      }
      return;
    }
    cursor.time = across * seconds;
    const picture = shown[panel.name];
    if (!picture?.rows) {
      panel.reading.textContent = `${cursor.time.toFixed(2)} s`;
      return;
    }
    const bottom = panel.name === "mfcc" ? 0.5 : 0, value = bottom + up * (upTo(panel.name) - bottom);
    const [lowest, rowHeight] = rowsOf(panel.name);
    const column = Math.min(picture.columns - 1, Math.max(0, Math.floor((cursor.time - shown.left) / shown.step)));
    const row = Math.min(picture.rows - 1, Math.max(0, Math.floor((value - lowest) / rowHeight)));
    const level = Math.max(picture.values[row * picture.columns + column], panel.name === "mfcc" ? -Infinity : picture.low);
    const position = {
      spectrogram: () => `${formatNumber(Math.round(value))} Hz`,
      mel: () => `band ${row} around ${formatNumber(Math.round(shown.corners[row + 1]))} Hz`,
      mfcc: () => `coefficient ${row + 1}`,
    }[panel.name]();
    const isClipped = level === picture.low && !(panel.name === "mel" && settings.scaling.startsWith("log10"));
    const unit = unitOf(panel.name).replace(" re 1", "");
    panel.reading.textContent = `${cursor.time.toFixed(2)} s, ${position}: ${isClipped ? "at most " : ""}${formatNumber(Math.round(level * 10) / 10)} ${unit}`;
  }

  function point(panel, across, up) {
    const inside = (share) => Math.min(1, Math.max(0, share));
    cursor = { panel, across: inside(across), up: inside(up) };
    read();
    draw();
  }

  const player = playback(samples, rate, (time) => {
    play.textContent = time === null ? "▶ Play" : "■ Stop";
    head.hidden = time === null || !panels.mel.box;
    if (!head.hidden) head.style.left = `${panels.mel.box.left + (time / seconds) * panels.mel.box.width}px`;
  });
  const playFrom = (time) => player.start(time).catch((error) => (remarks.textContent = `The browser can't play this sound: ${error.message}`));
  play.onclick = () => (player.isOn() ? player.stop() : playFrom(0));
  reset.onclick = () => {
    for (const [name, value] of Object.entries({ ...DEFAULTS, fmax: rate / 2 })) model.set(name, value);
    model.save_changes();
  };

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
    canvas.addEventListener("click", () => { if (cursor?.time !== undefined) playFrom(cursor.time); });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!step && event.key !== " ") return;
      event.preventDefault();
      if (!step) return player.isOn() ? player.stop() : playFrom(cursor?.time ?? 0);
      const picture = shown[panel.name];
      const at = cursor?.panel === panel ? cursor : { across: 0.5, up: 0.5 };
      const wide = picture ? shown.step / seconds : 0.005;
      const high = picture ? 1 / Math.max(1, picture.rows) : 0.02;
      point(panel, at.across + step[0] * wide, at.up + step[1] * high);
    });
  }

  function show() {
    settings = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    shown = analyse(samples, rate, settings);
    images = {};
    for (const name of ["spectrogram", "mel", "mfcc"]) {
      const { values, rows, columns, low, high } = shown[name];
      const cells = Uint8ClampedArray.from(values, (value) => (255 * (value - low)) / (high - low));
      images[name] = imageOf(cells, rows, columns, name === "mfcc" ? colours.signed : colours.levels);
    }
    read();
    draw();
    code.textContent = codeOf(sound, settings);
    facts.textContent = factsOf(sound, settings, shown.frames);
    remarks.textContent = remarksOf(settings, shown.bank.filter(({ weights }) => !weights.length).length);
    panels.mel.heading.textContent = `Mel spectrogram, ${formatNumber(settings.n_mels)} bands`;
    panels.mfcc.heading.textContent = shown.mfcc.rows ? `MFCC 1 to ${shown.mfcc.rows} (without coefficient 0, the level)` : "MFCC: only coefficient 0, the level";
    for (const { canvas, title, name } of Object.values(panels)) {
      const click = name === "bank" ? "" : " Click or press Space to play from here.";
      canvas.setAttribute("aria-label", `${title}. Use the arrow keys to read it cell by cell.${click} ${facts.textContent}`);
    }
    if (started !== null) root.dataset.milliseconds = Math.round(performance.now() - started); // for the tests
    started = null;
    root.dataset.shown = JSON.stringify(settings);
  }
  let isPending = false;
  const showSoon = () => { // several changes before the next frame are shown together
    if (!isPending) requestAnimationFrame(() => { isPending = false; show(); });
    isPending = true;
  };
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // the page may not write to the clipboard
      copy.textContent = "Selected. Press Ctrl+C to copy.";
    }
  });

  const handlers = {};
  for (const name of names) handlers[`change:${name}`] = () => { updates[name](); showSoon(); };
  for (const update of Object.values(updates)) update();
  show();
  const stopListening = listen(model, handlers);
  const stopFollowing = followPage(root, draw);
  return () => {
    player.close();
    stopListening();
    stopFollowing();
  };
}

export default { render };

// Sliders and five plots of a mel spectrogram, which is computed here (see analysis.js). Trait `sound`: the samples, the
// colour maps, and the pieces of the Python code that computes the same (see explorer.py).

const BAR = 62; // CSS pixels right of the pictures, for the colour bar

function render({ model, el }) {
  const { samples: view, isPcm, ...rest } = model.get("sound");
  const bytes = bytesOf(view).slice().buffer; // a copy, because views may be unaligned
  const sound = { ...rest, samples: isPcm ? new Float32Array(new Int16Array(bytes)).map((value) => value / 32768) : new Float32Array(bytes) };
  const { samples, rate } = sound, seconds = samples.length / rate, half = rate / 2;
  const reach = roundedUp(peakOf(samples));
  const colours = { levels: pixelsOf(sound.levels), signed: pixelsOf(sound.signed) };
  const panels = {
    waveform: figure("waveform", "Waveform", 46),
    spectrogram: figure("spectrogram", "Spectrogram", 112),
    mel: figure("mel", "Mel spectrogram", 112),
    mfcc: figure("mfcc", "MFCC", 92 + AXIS),
    bank: figure("bank", "Filter bank", 150),
  };
  let started = null; // time at which the reader moved a slider
  const [grid, updates, stopUpdating] = controls(model, specs(sound), () => (started ??= performance.now()));
  const play = element("button", { type: "button" }, "▶ Play"), reset = element("button", { type: "button" }, "Reset");
  const facts = element("p", { class: "musiclab-quiet" });
  const remarks = element("p", { class: "musiclab-remarks", role: "status" });
  const code = element("code"), copy = element("button", { type: "button" }, "Copy");
  const source = element("section", {}, element("h4", {}, "The same in Python (waveform is your sound)", copy),
    element("pre", { tabindex: 0, "aria-label": "Python code" }, code));
  const head = element("div", { class: "musiclab-playhead" });
  const left = ["waveform", "spectrogram", "mel", "mfcc"].map((name) => panels[name].node);
  const root = element("div", { class: "musiclab musiclab-explorer", role: "group", "aria-label": "Feature explorer" },
    grid, element("div", { class: "musiclab-bar" }, play, reset, facts),
    element("div", { class: "musiclab-columns" },
      element("div", { class: "musiclab-times" }, ...left, head), element("div", {}, panels.bank.node, remarks, source)));
  el.append(root);

  const names = Object.keys(updates);
  const first = names.map((name) => [name, model.get(name)]);
  let settings, shown, images, axes, cursor = null; // cursor: position of the pointer, as {time, panel, across, up}

  // Returns for each picture the ends of its axis, the position of its lowest row, the height of a row, the unit of its
  // values, and a function that lists marks of the axis.
  function axesOf({ n_fft, n_mels, fmin, fmax, scaling }, { corners, down, mfcc: { rows } }) {
    const bin = rate / n_fft;
    const linear = { kind: "linear", low: 0, high: half, shareOf: (hertz) => hertz / half };
    const mel = { kind: "mel", low: fmin, high: fmax, shareOf: (hertz) => bandOf(corners, hertz) / n_mels };
    const numbers = () => ticks(1, rows, 4).filter(Number.isInteger).map((number) => [(number - 0.5) / rows, `${number}`]);
    return {
      spectrogram: { bottom: 0, top: half, first: -0.5 * bin, each: down * bin, unit: "dB re 1", marks: (height) => frequencyMarks(linear, height) },
      mel: { bottom: 0, top: n_mels, first: 0, each: 1, unit: scaling === "decibel" ? "dB re 1" : scaling.split("(")[0], marks: (height) => frequencyMarks(mel, height) },
      mfcc: { bottom: 0.5, top: rows + 0.5, first: 0.5, each: 1, unit: "dB", marks: numbers },
    };
  }

  function drawPicture({ name }, pen, area) {
    const { left, top, width, height, x, colour } = area;
    const picture = shown[name];
    if (name === "waveform") drawWave(pen, samplePoints({ samples, rate, start: 0 }, reach, [0, seconds], width), { reach }, area);
    else if (picture.rows) {
      const { bottom, top: highest, first, each, unit, marks } = axes[name];
      const scale = height / (highest - bottom);
      const tall = picture.rows * each * scale;
      // average cells that are smaller than pixels, and draw larger cells as rectangles
      pen.imageSmoothingEnabled = picture.columns > pen.canvas.width || picture.rows > 2 * tall;
      const down = top + height - (first - bottom) * scale - tall;
      clipped(pen, area, () => pen.drawImage(images[name], x(shown.left), down, x(picture.columns * shown.step) - left, tall));
      drawScale(pen, marks(height), area);
      drawBar(pen, area, name === "mfcc" ? colours.signed : colours.levels, picture, unit);
    }
    if (name === "mfcc") drawTimes(pen, seconds, { ...area, top: top + height });
    pen.fillStyle = name === "waveform" || name === "mfcc" ? colour.ink : "#ffffff";
    if (cursor?.time !== undefined) pen.fillRect(x(cursor.time), top, 1, height);
  }

  function drawBank(panel, pen, area) {
    const { bank, corners } = shown, bin = rate / settings.n_fft;
    const { top, width, height, x, colour } = area;
    const highest = Math.max(...bank.map(({ weights }) => largestOf(weights)));
    bank.forEach(({ first, weights }, band) => {
      const chosen = cursor?.band === band;
      pen.strokeStyle = chosen ? colour.ink : colour.accent;
      pen.lineWidth = chosen ? 2.5 : 1;
      pen.beginPath();
      if (weights.length) [0, ...weights, 0].forEach((weight, at) => pen.lineTo(x((first - 1 + at) * bin), top + height * (1 - weight / (highest * 1.05))));
      pen.stroke();
      pen.fillStyle = "#d62728";
      if (!weights.length) pen.fillRect(x(corners[band + 1]) - 1, top + height - 9, 2, 9);
    });
    label(pen, "weight", area, top + height / 2);
    drawAcross(pen, ticks(0, half, width / 80).map((hertz) => [hertz, formatNumber(hertz)]), "Hz", { ...area, top: top + height });
  }

  function draw() {
    if (!root.clientWidth) return; // hidden; it will be drawn when it becomes visible
    for (const panel of Object.values(panels)) {
      const [isBank, isLast] = [panel.name === "bank", panel.name === "mfcc"];
      const [pen, place] = laidOut(panel.canvas, panel.height, isBank ? half : seconds, undefined, isBank ? RIGHT : BAR);
      panel.area = { ...place, top: 4, height: panel.height - (isBank || isLast ? AXIS + 4 : 8) };
      (isBank ? drawBank : drawPicture)(panel, pen, panel.area);
    }
    player.tell();
  }

  // Writes the values at the pointer or at the keyboard cursor.
  function read() {
    for (const panel of Object.values(panels)) panel.reading.textContent = "";
    if (!cursor) return;
    const { panel, across, up } = cursor;
    if (panel.name === "bank") {
      const hertz = across * half;
      const band = lastBelow(shown.corners, hertz); // of two overlapping bands, the upper one
      const bins = shown.bank[band]?.weights.length;
      const range = [band, band + 2].map((corner) => formatNumber(shown.corners[corner])).join(" to ");
      cursor.band = bins === undefined ? undefined : band;
      panel.reading.textContent = bins === undefined ? `${formatNumber(hertz)} Hz: no band` : `band ${band}: ${range} Hz, ${bins} ${bins === 1 ? "bin" : "bins"}`;
      return;
    }
    cursor.time = across * seconds;
    const picture = shown[panel.name], time = `${cursor.time.toFixed(2)} s`;
    panel.reading.textContent = time;
    if (!picture?.rows) return;
    const { bottom, top, first, each, unit } = axes[panel.name];
    const value = bottom + up * (top - bottom);
    const column = Math.min(picture.columns - 1, Math.max(0, Math.floor((cursor.time - shown.left) / shown.step)));
    const row = Math.min(picture.rows - 1, Math.max(0, Math.floor((value - first) / each)));
    const level = Math.max(picture.values[row * picture.columns + column], panel.name === "mfcc" ? -Infinity : picture.low);
    const inHertz = (hertz) => `${formatNumber(Math.round(hertz))} Hz`;
    const places = { spectrogram: inHertz(value), mel: `band ${row} around ${inHertz(shown.corners[row + 1])}`, mfcc: `coefficient ${row + 1}` };
    const isClipped = level === picture.low && !(panel.name === "mel" && settings.scaling.startsWith("log10"));
    panel.reading.textContent = `${time}, ${places[panel.name]}: ${isClipped ? "at most " : ""}${formatNumber(Math.round(level * 10) / 10)} ${unit.replace(" re 1", "")}`;
  }

  function point(panel, across, up) {
    const inside = (share) => Math.min(1, Math.max(0, share));
    cursor = { panel, across: inside(across), up: inside(up) };
    read();
    draw();
  }

  const playing = new Model({
    _scene: { count: 1, title: "", duration: seconds, rate }, _sound: new DataView(wavOf(samples, rate)), _report: [1, 0],
    playing: false, loop: null,
  });
  const player = new Sound(playing);
  const follow = () => {
    play.textContent = playing.get("playing") ? "❚❚ Pause" : "▶ Play";
    if (panels.mel.area) head.style.left = `${panels.mel.area.x(player.time)}px`;
    if (player.trouble) remarks.textContent = player.trouble;
  };
  const stopShowing = player.show({ root, follow });
  const playFrom = (time) => { player.seek(time); player.set({ playing: true }); };
  play.onclick = () => player.toggle();
  reset.onclick = () => {
    for (const [name, value] of first) model.set(name, value);
    model.save_changes();
  };

  for (const panel of Object.values(panels)) {
    const { canvas } = panel;
    canvas.onpointermove = ({ offsetX, offsetY }) => {
      const { left, top, width, height } = panel.area;
      point(panel, (offsetX - left) / width, 1 - (offsetY - top) / height);
    };
    canvas.onpointerleave = canvas.onblur = () => { cursor = null; read(); draw(); };
    canvas.onclick = () => { if (cursor?.time !== undefined) playFrom(cursor.time); };
    canvas.onkeydown = (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!step && event.key !== " ") return;
      event.preventDefault();
      if (!step) return playing.get("playing") ? player.pause() : playFrom(cursor?.time ?? player.time);
      const picture = shown[panel.name];
      const at = cursor?.panel === panel ? cursor : { across: 0.5, up: 0.5 };
      const wide = picture ? shown.step / seconds : 0.005;
      const high = picture ? 1 / Math.max(1, picture.rows) : 0.02;
      point(panel, at.across + step[0] * wide, at.up + step[1] * high);
    };
  }

  function show() {
    settings = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    shown = analyse(samples, rate, settings);
    axes = axesOf(settings, shown);
    images = {};
    for (const name of ["spectrogram", "mel", "mfcc"]) {
      const { values, rows, columns, low, high } = shown[name];
      const cells = new Uint8ClampedArray(values.map((value) => (255 * (value - low)) / (high - low)));
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
  const showSoon = beforeFrame(show); // several changes are shown together
  copy.onclick = () => {
    getSelection().selectAllChildren(code);
    copy.textContent = document.execCommand("copy") ? "Copied" : "Selected. Press Ctrl+C to copy."; // also without https
  };

  show();
  const stopListening = listen(model, { [names.map((name) => `change:${name}`).join(" ")]: showSoon });
  const stopFollowing = followPage(root, draw);
  return () => { stopShowing(); player.close(); stopListening(); stopUpdating(); stopFollowing(); };
}

export default { render };

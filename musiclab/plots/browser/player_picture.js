// What a View of a Player shows: the picture of the visible part, the readings under the pointer, and the words for screen
// readers. View (player.js) adds keys, pointer and buttons.

const HEIGHTS = [[64, 150], [48, 100], [40, 70]]; // CSS pixels of waveform and levels, for one, two and more tracks
const HEADER = 24; // height of the title of a track, if there are several
const OVERVIEW = 28;
const PAUSE = 80; // ms after the last change of the visible part, before its finer picture is computed

class Picture {
  get width() { return Math.max(1, this.stage.clientWidth - LEFT - RIGHT); }
  get span() { return this.model.get("view") ?? [0, this.sound.duration]; }
  get isZoomed() { return Boolean(this.model.get("view")); }

  inSound(time) { return Math.min(Math.max(0, time), this.sound.duration); }

  timeAt(x) {
    const [from, to] = this.span;
    return this.inSound(from + Math.min(Math.max(0, (x - LEFT) / this.width), 1) * (to - from));
  }

  xAt(time) {
    const [from, to] = this.span;
    return LEFT + ((time - from) / (to - from)) * this.width;
  }

  // Places an element over a stretch of the sound, as far as it is visible.
  stretch(node, start, end) {
    const [left, right] = [start, end].map((time) => Math.min(Math.max(LEFT, this.xAt(time)), LEFT + this.width));
    node.hidden = end < this.span[0] || start > this.span[1];
    node.style.left = `${left}px`;
    node.style.width = `${Math.max(2, right - left)}px`;
  }

  rowAt(y, kind) { return this.rows.find((row) => row.kind === kind && y >= row.top && y < row.top + row.height); }

  // Updates everything that changes during playback; the canvas doesn't change.
  follow() {
    const { model, sound } = this;
    const { time, duration } = sound;
    const [from, to] = this.span;
    const isInside = (other) => other >= from && other <= to;
    if (time !== this.lastTime && isInside(this.lastTime) && !isInside(time)) this.show(time, to - from); // turn the page
    this.lastTime = time;
    const playing = model.get("playing");
    this.head.style.transform = `translateX(${this.xAt(time)}px)`;
    this.head.hidden = !isInside(time);
    const loop = model.get("loop");
    this.loopBand.hidden = !loop;
    if (loop && !this.drag) this.stretch(this.loopBand, ...loop);
    const text = playing ? "❚❚ Pause" : "▶ Play";
    if (this.button.textContent !== text) this.button.textContent = text;
    this.button.ariaLabel = `${playing ? "Pause" : "Play"} ${this.name}`;
    this.unloop.hidden = !loop;
    const digits = this.isZoomed ? to - from : duration;
    this.clock.textContent = `${clock(time, digits, duration)} / ${clock(duration, duration)}`;
    this.under.textContent = this.pointer ? this.inWords(...this.pointer) : "";
    const blurred = to - from < 2 * this.windowSeconds ? `Each column of levels spans ${Math.round(1000 * this.windowSeconds)} ms, so it can't be sharper.` : "";
    this.note.textContent = sound.trouble || blurred || model.get("_scene").note;
    this.note.classList.toggle("trouble", Boolean(sound.trouble));
    for (const [index, node] of [...this.headers.children].entries()) {
      const { title } = sound.tracks[index];
      for (const button of node.querySelectorAll("button")) button.ariaPressed = settingOf(model, button.dataset.trait).includes(title);
      node.classList.toggle("silent", !sound.isAudible(sound.tracks[index]));
    }
    const now = Math.floor(time);
    if (playing && now === this.announcedAt) return; // update screen readers once per second
    this.announcedAt = playing ? now : null;
    Object.assign(this.stage, { ariaValueNow: time.toFixed(3), ariaValueText: this.spoken(time) });
  }

  spoken(time) {
    const { duration } = this.sound;
    const scene = this.model.get("_scene");
    const parts = [`${clock(time, duration)} of ${clock(duration, duration)}`];
    const [band, level] = this.strongest(time);
    if (level > scene.range[0]) parts.push(`loudest at ${hertz(scene.edges[band + 1])}, ${decibels(level)}`);
    for (const lane of scene.lanes) {
      const value = valueOf(lane, time);
      if (value) parts.push(`${lane.name}: ${value}`);
    }
    const names = this.regions.all.filter(({ start, end }) => start <= time && time <= end).map(({ label }) => label || "unnamed");
    if (names.length) parts.push(`region: ${names.join(", ")}`);
    if (this.model.get("loop")) parts.push(`looping ${this.model.get("loop").map((t) => clock(t, duration)).join(" to ")}`);
    if (this.isZoomed) parts.push(`showing ${this.span.map((t) => clock(t, this.span[1] - this.span[0], duration)).join(" to ")}`);
    return parts.join(", ");
  }

  // Layers of levels of a track (see spectrum.js): what Python sent, and over it the finer picture of the visible part.
  layers(track) {
    const { rows, columnSeconds, tracks = [0] } = this.model.get("_scene");
    const all = bytesOf(this.model.get("_levels"));
    const cells = all.subarray((track * all.length) / tracks.length, ((track + 1) * all.length) / tracks.length);
    const sent = { cells, rows, columns: cells.length / rows, columnSeconds, start: 0, isMel: true };
    const { axis, fine } = this;
    const fits = fine && fine.axis.kind === axis.kind && (axis.kind === "mel" || (fine.axis.low === axis.low && fine.axis.high === axis.high));
    return fits ? [sent, fine.tracks[track].levels] : [sent];
  }

  levelAt(layer, row, time) {
    const { floor, step } = this.model.get("_scene");
    const column = Math.min(layer.columns - 1, Math.round((time - layer.start) / layer.columnSeconds)); // centred on its time
    return column < 0 ? undefined : floor + step * layer.cells[Math.min(Math.max(0, row), layer.rows - 1) * layer.columns + column];
  }

  // Returns the loudest band of all tracks, and its level.
  strongest(time) {
    const layers = this.sound.tracks.map((_, track) => this.layers(track)[0]);
    const levels = layers.flatMap((sent) => Array.from({ length: sent.rows }, (_, band) => this.levelAt(sent, band, time)));
    const level = Math.max(...levels);
    return [levels.indexOf(level) % this.model.get("_scene").rows, level];
  }

  inWords(x, y) {
    const scene = this.model.get("_scene");
    const time = this.timeAt(x);
    const words = [clock(time, this.span[1] - this.span[0], this.sound.duration)];
    const row = this.rows.find(({ top, height }) => y >= top && y < top + height) ?? {};
    if (row.kind === "levels") {
      const share = (row.top + row.height - y) / row.height;
      const value = this.axis.hertzAt(share);
      const layer = this.layers(row.track).findLast((layer) => time >= layer.start && time <= layer.start + layer.columns * layer.columnSeconds);
      const level = layer && this.levelAt(layer, Math.floor(layer.isMel ? bandOf(scene.edges, value) : share * layer.rows), time);
      words.push(hertz(value), level === undefined ? "" : decibels(level));
    } else if (row.kind === "wave") {
      const at = this.points(row.track).findLast(([start]) => start <= time) ?? this.points(row.track)[0];
      const [low, high] = at.slice(1).map((value) => (value * scene.reach).toPrecision(2));
      words.push(low === high ? `amplitude ${low}` : `amplitude ${low} to ${high}`);
    } else if (row.kind === "lane") {
      words.push(valueOf(row.lane, time) ?? "");
    }
    return words.filter(Boolean).join(", ");
  }

  // Points of the visible waveform of a track: of its samples if they are there.
  points(track, view = this.span) {
    const scene = this.model.get("_scene");
    const outline = this.model.get("_outline");
    const columns = outline.byteLength / 2 / (scene.tracks?.length ?? 1);
    const wave = this.fine?.tracks[track].wave;
    if (wave && wave.start <= view[0] && wave.end >= view[1]) return samplePoints(wave, scene.reach, view, this.width);
    return outlinePoints(outline, track * columns, columns, scene.duration, view);
  }

  // Computes what the picture has from top to bottom.
  layOut() {
    const { lanes, tracks = [0] } = this.model.get("_scene");
    const [wave, levels] = HEIGHTS[Math.min(tracks.length, HEIGHTS.length) - 1];
    this.rows = [];
    let top = this.regions.all.length ? LABELS : 0;
    const add = (kind, height, properties) => { this.rows.push({ kind, top, height, ...properties }); top += height; };
    for (const lane of lanes) add("lane", lane.height, { lane });
    tracks.forEach((_, track) => {
      if (tracks.length > 1) this.headers.children[track].style.top = `${top}px`;
      if (tracks.length > 1) top += HEADER;
      add("wave", wave, { track });
      add("levels", levels, { track });
    });
    return top;
  }

  draw() {
    const { model } = this;
    const scene = model.get("_scene");
    this.name = scene.title || `sound of ${clock(scene.duration, scene.duration)}`;
    this.root.setAttribute("aria-label", `Player: ${this.name}`);
    Object.assign(this.stage, { ariaLabel: `Position in ${this.name}`, ariaValueMin: 0, ariaValueMax: scene.duration.toFixed(3) });
    this.title.textContent = scene.title;
    this.strip.hidden = !this.isZoomed;

    const bottom = this.layOut();
    this.stage.style.setProperty("--height", `${bottom}px`);
    this.axis = frequencyAxis(scene, settingOf(model, "frequency_axis"), settingOf(model, "fmin"), settingOf(model, "fmax"));
    this.regions.follow();
    this.follow();
    if (!this.stage.clientWidth) return; // hidden; it will be drawn when it becomes visible
    const [map, range] = [pixelsOf(model.get("_colours")), settingOf(model, "dynamic_range")];
    const ends = [scene.range[1] - range, scene.range[1]].map(decibels);
    this.scale.replaceChildren(ends[0], imageOf(Uint8Array.from(map.keys()), 1, 256, map), ends[1]);
    const colours = coloursOfLevels(map, scene, range);
    const [pen, area] = laidOut(this.canvas, bottom + AXIS, scene.duration, this.span);
    for (const row of this.rows) {
      const place = { ...area, top: row.top, height: row.height };
      if (row.kind === "lane") drawLane(pen, row.lane, place);
      else if (row.kind === "wave") drawWave(pen, this.points(row.track), scene, place);
      else drawLevels(pen, this.layers(row.track), this.axis, scene, colours, place);
    }
    drawTimes(pen, scene.duration, { ...area, top: bottom });
    if (this.isZoomed) this.drawOverview(scene);
    this.refine();
  }

  drawOverview(scene) {
    const [pen, area] = laidOut(this.overview, OVERVIEW, scene.duration);
    const whole = [0, scene.duration];
    for (const row of this.rows.filter(({ kind }) => kind === "wave")) {
      drawWave(pen, this.points(row.track, whole), null, { ...area, top: 0, height: OVERVIEW });
    }
    const [from, to] = this.span;
    this.slider.max = scene.duration - (to - from);
    this.slider.value = from;
    this.slider.ariaValueText = this.span.map((time) => clock(time, to - from, scene.duration)).join(" to ");
    this.slider.style.setProperty("--thumb", `${Math.max(6, ((to - from) / scene.duration) * this.width)}px`);
  }

  // Computes the finer picture of the visible part after a pause, if there is one.
  refine() {
    const [from, to] = this.span;
    const key = JSON.stringify([from, to, this.axis, this.width]);
    clearTimeout(this.waiting);
    this.stage.dataset.detail = this.fine?.key === key ? "fine" : "sent";
    if (this.fine?.key === key || to - from > FINEST || !(this.isZoomed || this.axis.kind !== "mel")) return;
    const turn = (this.refining = {});
    this.waiting = setTimeout(async () => {
      try {
        const tracks = await this.fineTracks([from, to], () => turn !== this.refining);
        if (!tracks || turn !== this.refining) return;
        this.fine = { key, axis: this.axis, tracks };
        this.draw();
      } catch (error) {
        this.sound.trouble = error.message;
        this.follow();
      }
    }, PAUSE);
  }

  async fineTracks([from, to], isStale) {
    const { sound, axis } = this;
    const scene = this.model.get("_scene");
    const { rate } = sound;
    const window = windowAt(rate);
    const half = window.length / 2 / rate;
    this.windowSeconds = 2 * half;
    const [start, end] = [this.inSound(from - half), this.inSound(to + half)];
    const height = this.rows.find(({ kind }) => kind === "levels").height;
    const key = JSON.stringify([scene.count, axis, height]);
    if (this.filters?.key !== key) this.filters = { key, all: filtersOf(scene, axis, height, window, rate) };
    const tracks = [];
    for (const channels of await sound.samples(start, end)) {
      const samples = channels.length < 2 ? channels[0] : channels[0].map((left, at) => (left + channels[1][at]) / 2);
      const padded = new Float32Array(Math.round((to - from) * rate) + window.length);
      padded.set(samples.subarray(0, padded.length), Math.max(0, Math.round((start - from + half) * rate)));
      const levels = await levelsOf(padded, window, this.filters.all, scene, Math.min(1300, Math.ceil(this.width)), isStale);
      if (!levels) return null;
      const wave = { samples, rate, start, end: start + samples.length / rate };
      tracks.push({ wave, levels: { ...levels, columnSeconds: levels.hop / rate, start: from, isMel: axis.kind === "mel" } });
    }
    return tracks;
  }
}

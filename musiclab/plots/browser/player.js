// The browser side of musiclab.widgets.Player, as one module that loads nothing else.
//
// Sound   plays the sound and keeps its time; one for each Player, even if several cells show it
// View    draws one picture of it on the page, and handles keys and pointer
//
// Python sends the picture without colours (see player.py). Both sides can change `playing` and `loop`. Only the browser
// knows the current time. It reports the time to Python as `_report` (index of the loaded sound, and time). Python requests
// another time through `_seek` (a count and a time). With two traits, a late report can neither undo a request nor change
// the time of a newer sound.

const WAVE = 64; // CSS pixels
const LEVELS = 150;
const REPORT = 200; // ms between two reports of the time to Python
const SILENT_START = 1500; // ms after which we assume that the browser blocks the sound

const createPlayer = () => {
  let sound; // shared by `initialize` and `render` of one Player
  return {
    initialize({ model }) {
      sound = new Sound(model);
      return () => sound.close();
    },
    render({ model, el }) {
      const view = new View(model, sound, el);
      return () => view.close();
    },
  };
};

class Sound {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.source = null; // an AudioBufferSourceNode while playing; such a node plays only once
    this.buffer = null; // a promise of the decoded sound, created on first use
    const [count, time] = model.get("_report");
    this.position = count === model.get("_scene").count ? time : 0; // in s, while not playing
    this.trouble = "";
    this.stopListening = listen(model, {
      "change:_sound": () => { this.buffer = null; this.position = 0; this.stop(); },
      "change:playing": () => (model.get("playing") ? this.start() : this.stop()),
      "change:_seek": () => this.seek(model.get("_seek")[1]),
      "change:loop": () => this.restart(),
    });
    this.onOther = (event) => { if (event.detail !== this && this.source) this.pause(); };
    document.addEventListener("musiclab-plays", this.onOther); // only one player per page plays at a time
    if (model.get("playing")) this.start();
  }

  get duration() { return this.model.get("_scene").duration; }
  get loop() { return this.model.get("loop"); }

  // Time that you hear now, in s: the time passed to the audio output minus its latency.
  get time() {
    if (!this.source) return this.position;
    const latency = this.context.outputLatency || 0;
    const time = this.from + Math.max(0, this.context.currentTime - this.startedAt - latency);
    if (!this.looping) return Math.min(time, this.duration);
    const [start, end] = this.looping;
    return time < end ? time : start + ((time - start) % (end - start));
  }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  report(time) {
    this.position = time;
    this.set({ _report: [this.model.get("_scene").count, time] });
    this.reportedAt = performance.now();
  }

  async start() {
    this.trouble = "";
    const turn = (this.turn = {}); // replaced if the reader presses pause or play again before the sound is decoded
    try {
      this.context = globalThis.musiclabAudio ??= new AudioContext(); // shared, because browsers allow only a few
      this.buffer ??= this.context.decodeAudioData(this.model.get("_sound").buffer.slice(0));
      const [buffer] = await Promise.all([this.buffer, awake(this.context)]);
      if (turn !== this.turn || !this.model.get("playing")) return;
      let from = this.position;
      if (this.loop && (from < this.loop[0] || from >= this.loop[1])) from = this.loop[0];
      if (from >= this.duration - 0.01) from = 0; // at the end, start again from the beginning
      this.play(buffer, from);
      document.dispatchEvent(new CustomEvent("musiclab-plays", { detail: this }));
    } catch (error) {
      this.buffer = null;
      this.trouble = error.message;
      this.set({ playing: false });
    }
    this.tell();
  }

  play(buffer, from) {
    this.silence();
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    this.looping = this.loop; // a copy, because the trait may change while this source plays
    if (this.looping) [source.loop, source.loopStart, source.loopEnd] = [true, ...this.looping];
    source.connect(this.context.destination);
    source.onended = () => {
      if (this.source !== source) return; // another source has replaced it
      this.source = null;
      this.report(this.duration);
      this.set({ playing: false });
    };
    source.start(0, from);
    [this.source, this.from, this.startedAt] = [source, from, this.context.currentTime];
    this.heard = this.model.get("_sound");
    this.report(from);
    const follow = () => {
      if (this.source !== source) return;
      if (performance.now() - this.reportedAt > REPORT) this.report(this.time);
      this.tell();
      requestAnimationFrame(follow);
    };
    follow();
  }

  silence() {
    const source = this.source;
    this.source = null; // before stop(), because onended checks it
    source?.stop();
  }

  stop() { this.turn = null; this.silence(); this.tell(); }

  // Keeps the current time, unless Python has loaded another sound and set its time.
  keepTime() { if (this.source && this.heard === this.model.get("_sound")) this.report(this.time); }

  pause() {
    this.keepTime();
    this.set({ playing: false });
  }

  // Continues at the current time with a new loop.
  restart() {
    this.keepTime();
    if (this.source) { this.silence(); this.start(); }
    this.tell();
  }

  // Ends the loop if the new time is outside.
  seek(time) {
    time = Math.min(Math.max(0, time), this.duration);
    const sounding = this.source !== null;
    this.silence();
    if (this.loop && (time < this.loop[0] || time > this.loop[1])) this.set({ loop: null });
    this.report(time);
    if (sounding) this.start();
    this.tell();
  }

  tell() { for (const view of this.views) view.follow(); }

  close() {
    this.stop();
    document.removeEventListener("musiclab-plays", this.onOther);
    this.stopListening();
  }
}

// Waits until the browser allows sound, which requires a click or a key press on the page.
function awake(context) {
  const forbidden = new Promise((_, reject) =>
    setTimeout(() => reject(new Error("The browser blocks sound until you click. Press Play.")), SILENT_START));
  return Promise.race([context.resume(), forbidden]);
}

class View {
  constructor(model, sound, el) {
    Object.assign(this, { model, sound });
    this.button = element("button", { class: "play", type: "button" });
    this.unloop = element("button", { type: "button", hidden: true }, "End loop");
    for (const name of ["title", "clock", "under"]) this[name] = element("span", { class: name });
    this.note = element("span", { class: "note", role: "status" });
    const bar = element("div", { class: "bar" }, this.button, this.unloop, this.title, this.clock, this.under, this.note);
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.region = element("div", { class: "region", hidden: true });
    this.head = element("div", { class: "head" });
    const help = element("p", { class: "help", id: uniqueId() },
      "Click or arrow keys: seek. Drag: loop. Space: play or pause. Escape: end the loop.");
    this.stage = element("div", { class: "stage", role: "slider", tabindex: "0", "aria-describedby": help.id },
      this.canvas, this.region, this.head);
    this.root = element("div", { class: "musiclab musiclab-player", role: "group" }, bar, this.stage, help);
    el.append(this.root);

    this.button.onclick = () => this.toggle();
    this.unloop.onclick = () => this.sound.set({ loop: null });
    this.root.onkeydown = (event) => this.key(event);
    this.stage.onpointerdown = (event) => this.press(event);
    this.stage.onpointermove = (event) => this.point(event);
    this.stage.onpointerleave = () => { this.pointer = null; this.follow(); };

    this.redraw = () => { this.drawn ??= requestAnimationFrame(() => { this.drawn = null; this.draw(); }); };
    this.stopListening = listen(model, {
      "change:_scene change:_levels change:_outline": () => { this.image = null; this.redraw(); },
      "change:playing change:loop": () => this.follow(),
    });
    this.stopFollowing = followPage(this.stage, this.redraw);
    sound.views.add(this);
    this.draw();
  }

  close() {
    this.sound.views.delete(this);
    if (!this.sound.views.size && this.model.get("playing")) this.sound.pause(); // no button is left to pause it
    this.stopListening();
    this.stopFollowing();
  }

  // Input

  toggle() {
    if (this.model.get("playing")) this.sound.pause();
    else this.sound.set({ playing: true });
  }

  key(event) {
    const { duration } = this.sound;
    const step = Math.min(event.shiftKey ? 1 : 0.1, duration / (event.shiftKey ? 4 : 20)); // smaller steps for short sounds
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) this.sound.seek(this.sound.time + by);
    else if (event.key === "Home") this.sound.seek(0);
    else if (event.key === "End") this.sound.seek(duration);
    else if (event.key === "Escape") this.sound.set({ loop: null });
    else if (event.key === " " && event.target === this.stage) this.toggle(); // a focused button handles Space itself
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  press(event) {
    if (event.button !== 0) return;
    const from = event.offsetX;
    this.stage.setPointerCapture(event.pointerId);
    const ends = (to) => [from, to].map((x) => this.timeAt(x)).sort((a, b) => a - b);
    const isDrag = (to) => Math.abs(to - from) > 4; // smaller movements are clicks
    this.drag = (x) => { if (isDrag(x)) this.showRegion(ends(x)); };
    this.stage.onpointerup = this.stage.onpointercancel = ({ type, offsetX }) => {
      this.stage.onpointerup = this.stage.onpointercancel = this.drag = null;
      const loop = ends(offsetX);
      if (type === "pointerup" && isDrag(offsetX) && loop[1] > loop[0]) {
        this.sound.set({ loop });
        this.sound.seek(loop[0]);
      } else if (type === "pointerup") this.sound.seek(this.timeAt(offsetX));
      this.follow();
    };
  }

  point({ offsetX, offsetY }) {
    this.pointer = [offsetX, offsetY];
    this.drag?.(offsetX);
    this.follow();
  }

  // Output

  get width() { return Math.max(1, this.stage.clientWidth - LEFT - RIGHT); }
  timeAt(x) { return Math.min(Math.max(0, (x - LEFT) / this.width), 1) * this.sound.duration; }
  xAt(time) { return LEFT + (time / this.sound.duration) * this.width; }

  // Updates everything that changes during playback; the canvas doesn't change.
  follow() {
    const { model, sound } = this;
    const { time, duration } = sound;
    const playing = model.get("playing");
    this.head.style.transform = `translateX(${this.xAt(time)}px)`;
    this.showRegion(model.get("loop"));
    if (this.button.dataset.playing !== String(playing)) {
      this.button.dataset.playing = playing;
      this.button.textContent = playing ? "❚❚ Pause" : "▶ Play";
      this.button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${this.name}`);
    }
    this.unloop.hidden = !model.get("loop");
    this.clock.textContent = `${clock(time, duration)} / ${clock(duration, duration)}`;
    this.under.textContent = this.pointer ? this.inWords(...this.pointer) : "";
    this.note.textContent = sound.trouble || model.get("_scene").note;
    this.note.classList.toggle("trouble", Boolean(sound.trouble));
    const now = Math.floor(time);
    if (playing && now === this.announcedAt) return; // update screen readers once per second
    this.announcedAt = playing ? now : null;
    this.stage.setAttribute("aria-valuenow", time.toFixed(3));
    this.stage.setAttribute("aria-valuetext", this.spoken(time));
  }

  showRegion(loop) {
    this.region.hidden = !loop;
    if (!loop) return;
    this.region.style.left = `${this.xAt(loop[0])}px`;
    this.region.style.width = `${Math.max(2, this.xAt(loop[1]) - this.xAt(loop[0]))}px`;
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
    if (this.model.get("loop")) parts.push(`looping ${this.model.get("loop").map((t) => clock(t, duration)).join(" to ")}`);
    return parts.join(", ");
  }

  columnAt(time) {
    const { columnSeconds, rows } = this.model.get("_scene");
    const columns = this.model.get("_levels").byteLength / rows;
    return Math.min(columns - 1, Math.round(time / columnSeconds)); // a column is centred on its time
  }

  levelAt(band, time) {
    const { rows, floor, step } = this.model.get("_scene");
    const levels = this.model.get("_levels");
    return floor + step * levels.getUint8(band * (levels.byteLength / rows) + this.columnAt(time));
  }

  strongest(time) {
    const levels = Array.from({ length: this.model.get("_scene").rows }, (_, band) => this.levelAt(band, time));
    const level = Math.max(...levels);
    return [levels.indexOf(level), level];
  }

  inWords(x, y) {
    const scene = this.model.get("_scene");
    const time = this.timeAt(x);
    const words = [clock(time, this.sound.duration)];
    if (y > this.levelsTop && y < this.levelsTop + LEVELS) {
      const height = ((this.levelsTop + LEVELS - y) / LEVELS) * scene.rows; // in bands from the bottom
      const band = Math.min(scene.rows - 1, Math.floor(height));
      words.push(hertz(interpolate(scene.edges, height + 0.5)), decibels(this.levelAt(band, time)));
    } else if (y > this.waveTop && y < this.levelsTop) {
      const outline = this.model.get("_outline");
      const column = Math.min(outline.byteLength / 2 - 1, Math.floor((time / this.sound.duration) * outline.byteLength / 2));
      const [low, high] = [0, 1].map((side) => ((outline.getInt8(2 * column + side) / 127) * scene.reach).toPrecision(2));
      words.push(low === high ? `amplitude ${low}` : `amplitude ${low} to ${high}`);
    } else {
      let top = 0;
      for (const lane of scene.lanes) {
        if (y >= top && y < (top += lane.height)) words.push(valueOf(lane, time) ?? "");
      }
    }
    return words.join(", ");
  }

  draw() {
    const { model } = this;
    const scene = model.get("_scene");
    this.name = scene.title || `sound of ${clock(scene.duration, scene.duration)}`;
    this.root.setAttribute("aria-label", `Player: ${this.name}`);
    this.stage.setAttribute("aria-label", `Position in ${this.name}`);
    this.stage.setAttribute("aria-valuemin", 0);
    this.stage.setAttribute("aria-valuemax", scene.duration.toFixed(3));
    this.title.textContent = scene.title;
    this.button.dataset.playing = ""; // forces an update of the label, which contains the name

    this.waveTop = scene.lanes.reduce((sum, lane) => sum + lane.height, 0);
    this.levelsTop = this.waveTop + WAVE;
    const bottom = this.levelsTop + LEVELS;
    this.head.style.height = this.region.style.height = `${bottom}px`;
    this.follow();
    if (!this.stage.clientWidth) return; // hidden; it will be drawn when it becomes visible
    const [pen, area] = laidOut(this.canvas, bottom + AXIS, scene.duration);
    let top = 0;
    for (const lane of scene.lanes) {
      drawLane(pen, lane, { ...area, top });
      top += lane.height;
    }
    drawWave(pen, model.get("_outline"), scene, { ...area, top: this.waveTop, height: WAVE });
    this.image ??= this.coloured(); // one pixel per cell, computed once and scaled at every drawing
    drawLevels(pen, this.image, scene, { ...area, top: this.levelsTop, height: LEVELS });
    drawTimes(pen, scene.duration, { ...area, top: bottom });
  }

  coloured() {
    const scene = this.model.get("_scene");
    const levels = bytesOf(this.model.get("_levels"));
    return imageOf(levels, scene.rows, levels.length / scene.rows, coloursOfLevels(this.model.get("_colours"), scene));
  }
}

export default createPlayer;

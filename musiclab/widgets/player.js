// The front end of musiclab.widgets.Player: one module, nothing else is loaded.
//
// Sound   plays the sound and knows where it is; one for each Player, however many cells show it
// View    one picture of it on the page, and the keys and the pointer
//
// Python sends the picture ready to be coloured (see player.py). `playing` and `loop` go both ways. Where the sound is,
// is known here alone: it is only reported to Python, as `_report` (which of the sounds that were loaded, and its time),
// and Python's wishes come as `_seek` (a count and a time). So a report that is on its way cannot undo a wish or move the
// time of a sound that was loaded meanwhile.

const WAVE = 64; // CSS pixels
const LEVELS = 150;
const REPORT = 200; // ms between two reports of the time to Python
const SILENT_START = 1500; // ms after which a sound that has not started is taken for forbidden by the browser

export default () => {
  let sound; // `initialize` and `render` of one Player share it
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
    this.source = null; // an AudioBufferSourceNode while it sounds; such a node plays only once
    this.buffer = null; // a promise of the decoded sound, from the first time that it is wanted
    const [count, time] = model.get("_report");
    this.position = count === model.get("_scene").count ? time : 0; // in s, while it does not sound
    this.trouble = "";
    this.stopListening = listen(model, {
      "change:_sound": () => { this.buffer = null; this.position = 0; this.stop(); },
      "change:playing": () => (model.get("playing") ? this.start() : this.stop()),
      "change:_seek": () => this.seek(model.get("_seek")[1]),
      "change:loop": () => this.restart(),
    });
    this.onOther = (event) => { if (event.detail !== this && this.source) this.pause(); };
    document.addEventListener("musiclab-plays", this.onOther); // only one player of a page sounds at a time
    if (model.get("playing")) this.start();
  }

  get duration() { return this.model.get("_scene").duration; }
  get loop() { return this.model.get("loop"); }

  // Where the ear is, in s: what was given to the loudspeaker, less what is still on its way there.
  get time() {
    if (!this.source) return this.position;
    const late = this.context.outputLatency || 0;
    const time = this.from + Math.max(0, this.context.currentTime - this.startedAt - late);
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
    const turn = (this.turn = {}); // whoever presses pause, or play again, before it is decoded takes the turn away
    try {
      this.context = globalThis.musiclabAudio ??= new AudioContext(); // of all players: browsers allow only a few
      this.buffer ??= this.context.decodeAudioData(this.model.get("_sound").buffer.slice(0));
      const [buffer] = await Promise.all([this.buffer, awake(this.context)]);
      if (turn !== this.turn || !this.model.get("playing")) return;
      let from = this.position;
      if (this.loop && (from < this.loop[0] || from >= this.loop[1])) from = this.loop[0];
      if (from >= this.duration - 0.01) from = 0; // at the end, play begins again
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
    this.looping = this.loop; // which may change while this source goes on
    if (this.looping) [source.loop, source.loopStart, source.loopEnd] = [true, ...this.looping];
    source.connect(this.context.destination);
    source.onended = () => {
      if (this.source !== source) return; // it was stopped for another
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
    this.source = null; // first, so that its onended knows
    source?.stop();
  }

  stop() { this.turn = null; this.silence(); this.tell(); }

  // Python may have put another sound in its place, and set the time as well: then ours is of no use.
  keepTime() { if (this.source && this.heard === this.model.get("_sound")) this.report(this.time); }

  pause() {
    this.keepTime();
    this.set({ playing: false });
  }

  // Go on from where it is with another loop.
  restart() {
    this.keepTime();
    if (this.source) { this.silence(); this.start(); }
    this.tell();
  }

  // A place outside of the loop ends the loop.
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

// A browser lets nothing sound before the reader has clicked or pressed a key somewhere on the page.
function awake(context) {
  const forbidden = new Promise((_, reject) =>
    setTimeout(() => reject(new Error("The browser allows no sound before a click: press Play.")), SILENT_START));
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
      "Click or arrow keys: seek. Drag: loop. Space: play. Escape: end the loop.");
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
    if (!this.sound.views.size && this.model.get("playing")) this.sound.pause(); // nothing is left to stop it with
    this.stopListening();
    this.stopFollowing();
  }

  // What the reader does

  toggle() {
    if (this.model.get("playing")) this.sound.pause();
    else this.sound.set({ playing: true });
  }

  key(event) {
    const { duration } = this.sound;
    const step = Math.min(event.shiftKey ? 1 : 0.1, duration / (event.shiftKey ? 4 : 20)); // short sounds: smaller steps
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) this.sound.seek(this.sound.time + by);
    else if (event.key === "Home") this.sound.seek(0);
    else if (event.key === "End") this.sound.seek(duration);
    else if (event.key === "Escape") this.sound.set({ loop: null });
    else if (event.key === " " && event.target === this.stage) this.toggle(); // on a button Space presses it
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  press(event) {
    if (event.button !== 0) return;
    const from = event.offsetX;
    this.stage.setPointerCapture(event.pointerId);
    const ends = (to) => [from, to].map((x) => this.timeAt(x)).sort((a, b) => a - b);
    const far = (to) => Math.abs(to - from) > 4; // a hand that shakes is not a drag
    this.drag = (x) => { if (far(x)) this.showRegion(ends(x)); };
    this.stage.onpointerup = this.stage.onpointercancel = ({ type, offsetX }) => {
      this.stage.onpointerup = this.stage.onpointercancel = this.drag = null;
      const loop = ends(offsetX);
      if (type === "pointerup" && far(offsetX) && loop[1] > loop[0]) {
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

  // What the reader sees

  get width() { return Math.max(1, this.stage.clientWidth - LEFT - RIGHT); }
  timeAt(x) { return Math.min(Math.max(0, (x - LEFT) / this.width), 1) * this.sound.duration; }
  xAt(time) { return LEFT + (time / this.sound.duration) * this.width; }

  // What changes while it plays; the canvas stays as it is.
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
    if (playing && now === this.toldAt) return; // a screen reader is told once a second
    this.toldAt = playing ? now : null;
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
    if (level > scene.range[0]) parts.push(`strongest at ${hertz(scene.edges[band + 1])}, ${decibels(level)}`);
    for (const track of scene.tracks) {
      const value = valueOf(track, time);
      if (value) parts.push(`${track.name}: ${value}`);
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
      const height = ((this.levelsTop + LEVELS - y) / LEVELS) * scene.rows; // bands from below
      const band = Math.min(scene.rows - 1, Math.floor(height));
      words.push(hertz(interpolate(scene.edges, height + 0.5)), decibels(this.levelAt(band, time)));
    } else if (y > this.waveTop && y < this.levelsTop) {
      const outline = this.model.get("_outline");
      const column = Math.min(outline.byteLength / 2 - 1, Math.floor((time / this.sound.duration) * outline.byteLength / 2));
      const [low, high] = [0, 1].map((side) => ((outline.getInt8(2 * column + side) / 127) * scene.reach).toPrecision(2));
      words.push(low === high ? `amplitude ${low}` : `amplitude ${low} to ${high}`);
    } else {
      let top = 0;
      for (const track of scene.tracks) {
        if (y >= top && y < (top += track.height)) words.push(valueOf(track, time) ?? "");
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
    this.button.dataset.playing = ""; // its label has the name in it

    this.waveTop = scene.tracks.reduce((sum, track) => sum + track.height, 0);
    this.levelsTop = this.waveTop + WAVE;
    const bottom = this.levelsTop + LEVELS;
    this.head.style.height = this.region.style.height = `${bottom}px`;
    this.follow();
    if (!this.stage.clientWidth) return; // hidden: it is drawn when it is shown
    const [pen, area] = laidOut(this.canvas, bottom + AXIS, scene.duration);
    let top = 0;
    for (const track of scene.tracks) {
      drawTrack(pen, track, { ...area, top });
      top += track.height;
    }
    drawWave(pen, model.get("_outline"), scene, { ...area, top: this.waveTop, height: WAVE });
    this.image ??= this.coloured(); // a pixel per cell: made once, and stretched whenever it is drawn
    drawLevels(pen, this.image, scene, { ...area, top: this.levelsTop, height: LEVELS });
    drawTimes(pen, scene.duration, { ...area, top: bottom });
  }

  coloured() {
    const scene = this.model.get("_scene");
    const levels = bytesOf(this.model.get("_levels"));
    return imageOf(levels, scene.rows, levels.length / scene.rows, coloursOfLevels(this.model.get("_colours"), scene));
  }
}

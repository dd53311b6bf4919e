// The Player: a Sound plays and keeps its time (sound.js), even if several cells show it. A View shows it, and handles keys and
// pointer. Picture (player_picture.js) draws, and Regions are named stretches of the sound (regions.js).
//
// Only the browser knows the current time. It reports the time to Python as `_report` (index of the loaded sound, and time).
// Python requests another time through `_seek` (a count and a time). With two traits, a late report can neither undo a request
// nor change the time of a newer sound. What is finer than the picture from Python, the browser computes from the sound.

const MOST_SAVED = 600; // s of a WAV file
const SHORTEST_LOOP = 0.05; // s, unless the picture is zoomed: a shorter loop sounds like a buzz

const KEYS = [
  ["Space", "play or pause"], ["arrows", "0.1 s back or forth, with Shift 1 s"], ["Home, End", "to the start or end"],
  ["+, −, 0", "zoom in, zoom out, show all"], ["Page Up, Page Down", "show what is before or after"],
  ["L", "loop the visible part, or end the loop"], ["[, ]", "start or end the loop here"], ["Z", "zoom to the loop"],
  ["R", "make the loop a region"], ["1 to 9", "hear one track alone, or all again"],
  ["Escape", "end the loop, then stop all sound"], ["?", "show these keys"],
  ["drag", "loop; with Shift: new region"], ["Ctrl or Cmd + wheel", "zoom; over the frequencies: zoom them"], ["two fingers", "zoom"],
];

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

class View extends Picture {
  constructor(model, sound, el) {
    super();
    Object.assign(this, { model, sound, fine: null });
    this.regions = new Regions(model, this);
    this.button = element("button", { class: "play", type: "button" });
    this.unloop = element("button", { type: "button", hidden: true }, "End loop");
    for (const name of ["title", "clock", "under"]) this[name] = element("span", { class: name });
    this.note = element("span", { class: "note", role: "status" });
    const bar = element("div", { class: "bar" }, this.button, this.unloop, this.title, this.clock, this.under, this.note);
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.loopBand = element("div", { class: "loop", hidden: true });
    this.head = element("div", { class: "head" });
    this.headers = element("div", {});
    this.keys = panel("Keys", element("dl", {}, ...KEYS.flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)])));
    this.stage = element("div", { class: "stage", role: "slider", tabindex: "0", "aria-description": "Press ? for all keys" },
      this.canvas, this.loopBand, this.regions.layer, this.headers, this.head);
    this.overview = element("canvas", { "aria-hidden": "true" });
    this.slider = element("input", { type: "range", min: 0, step: "any", "aria-label": "Visible part" });
    this.strip = element("div", { class: "overview", hidden: true }, this.overview, this.slider);
    this.tools = element("div", { class: "bar tools" });
    this.scale = element("span", { class: "scale", "aria-hidden": "true" });
    this.root = element("div", { class: "musiclab musiclab-player", role: "group" },
      bar, this.stage, this.tools, this.strip, this.regions.editor);
    el.append(this.root);

    this.button.onclick = () => sound.toggle();
    this.unloop.onclick = () => this.sound.set({ loop: null });
    this.root.onkeydown = (event) => this.key(event);
    this.stage.onpointerdown = (event) => this.press(event);
    this.stage.onpointermove = (event) => this.point(event);
    this.stage.onpointerleave = () => { this.pointer = null; this.follow(); };
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const type of ["touchstart", "touchmove", "touchend"]) this.stage.addEventListener(type, (event) => this.pinch(event), { passive: false });
    this.slider.oninput = () => this.show(this.slider.valueAsNumber, this.span[1] - this.span[0]);

    this.redraw = beforeFrame(() => this.draw());
    const [asked, answers] = awaitAnswers(model, this.root);
    sound.asked = asked;
    const stopListening = listen(model, {
      ...answers,
      "change:view change:frequency_axis change:fmin change:fmax change:dynamic_range change:_regions change:_levels change:_outline": this.redraw,
      "change:playing change:loop change:muted change:soloed": () => this.follow(),
      "change:_scene": () => { this.fine = null; this.fill(); this.redraw(); },
    });
    this.stops = [stopListening, followPage(this.stage, this.redraw), sound.show(this), () => this.stopUpdating()];
    this.fill();
    this.draw();
  }

  close() {
    this.refining = null; // ends a computation
    for (const stop of this.stops) stop();
  }

  // Fills the row of tools and the titles of the tracks, which depend on the sound.
  fill() {
    const { model, sound, regions } = this;
    const { edges, tracks = [] } = sound.scene;
    const button = (text, title, onclick) => element("button", { type: "button", title, "aria-label": title, onclick }, text);
    const highest = edges?.at(-1) ?? 0;
    const [range, hertzOf] = [{ min: 0, max: highest, step: 10 }, (value) => hertz(value)];
    this.stopUpdating?.();
    const [grid, , stopUpdating] = controls(model, [
      { name: "speed", title: "Speed, same pitch", values: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2], format: (value) => `${value} ×` },
      { name: "volume", title: "Volume", min: 0, max: 1, step: 0.05, format: (value) => `${Math.round(100 * value)} %` },
      { name: "dynamic_range", title: "Colours span", min: 20, max: 100, step: 5, format: (value) => `${value} dB` },
      { name: "frequency_axis", title: "Frequency axis", options: [["mel", "mel"], ["linear", "linear"], ["log", "logarithmic"]] },
      { name: "fmin", title: "Axis from", ...range, format: hertzOf, clamp: (value, get) => Math.min(value, (get("fmax") ?? highest) - 10) },
      { name: "fmax", title: "Axis to", ...range, format: hertzOf, clamp: (value, get) => Math.max(value, (get("fmin") ?? 0) + 10) },
    ], undefined, (name) => SETTINGS[name] ?? highest);
    this.stopUpdating = stopUpdating;
    const load = () => {
      const chosen = element("input", { type: "file", multiple: true, accept: ".csv,.txt,.jams" });
      chosen.onchange = async () => this.say(await regions.read(chosen.files));
      chosen.click();
    };
    const saves = Object.entries(REGION_FILES).map(([suffix, { title }]) =>
      button(`Save ${title}`, `Save regions as ${title}`, () => {
        this.say(regions.all.length ? "" : "There are no regions yet. Hold Shift and drag over the picture to mark one.");
        if (regions.all.length) saveFile(`${this.name}.${suffix}`, regions.file(suffix));
      }));
    this.tools.replaceChildren(
      button("−", "Zoom out", () => this.zoom(2)), button("+", "Zoom in", () => this.zoom(0.5)), button("Whole", "Show all", () => this.showAll()),
      panel("Settings", grid, button("Download WAV", "Download the loop, or what is visible, as WAV", () => this.download())),
      panel("Regions", element("p", { class: "note" }, "Hold Shift and drag over the picture to mark a region, or drag and press Add."), button("Add", "Make the loop a region", () => this.markRegion()), ...saves, button("Load", "Load regions from files", load)), this.keys, this.scale);
    this.headers.replaceChildren(...(tracks.length < 2 ? [] : tracks).map(({ title }) => {
      const toggle = (trait, text) => {
        const node = button(text, `${text} ${title}`, () => this.switch(trait, title));
        node.dataset.trait = trait;
        return node;
      };
      return element("div", { class: "track" }, element("span", { class: "title" }, title), toggle("soloed", "Solo"), toggle("muted", "Mute"));
    }));
  }

  switch(trait, title) {
    const titles = settingOf(this.model, trait);
    this.sound.set({ [trait]: titles.includes(title) ? titles.filter((other) => other !== title) : [...titles, title] });
  }

  say(text) { this.sound.trouble = text; this.sound.tell(); }

  // Shows `seconds` from a time on, as far as the sound reaches.
  show(from, seconds) {
    const { duration, rate } = this.sound;
    const length = Math.min(Math.max(seconds, 16 / rate), duration);
    const start = Math.min(Math.max(0, from), duration - length);
    this.sound.set({ view: length < duration * 0.999 ? [start, start + length] : null });
  }

  showAll() { this.sound.set({ fmin: 0, fmax: null }); this.show(0, Infinity); }

  zoom(factor, at = null) {
    const [from, to] = this.span;
    const { time } = this.sound;
    at ??= time >= from && time <= to ? time : (from + to) / 2;
    this.show(at - (at - from) * factor, (to - from) * factor);
  }

  pan(share) { const [from, to] = this.span; this.show(from + share * (to - from), to - from); }

  zoomFrequencies(factor, share) {
    const low = this.axis.hertzAt(share * (1 - factor)), high = this.axis.hertzAt(share + (1 - share) * factor);
    const highest = this.sound.scene.edges.at(-1);
    this.sound.set({ fmin: Math.max(0, Math.round(low)), fmax: high < highest ? Math.max(1, Math.round(high)) : null });
  }

  toggleLoop() {
    if (this.model.get("loop")) this.sound.set({ loop: null });
    else if (this.regions.region) this.regions.loop();
    else this.sound.loopFrom(this.span);
  }

  loopTo(start, end) { if (end > start) this.sound.set({ loop: [start, end] }); }

  markRegion() {
    const { loop } = this.sound;
    if (loop) {
      this.regions.add(...loop);
      this.regions.label.focus();
    }
    this.say(loop ? "" : "Drag over a part of the sound first, or press [ at its start and ] at its end.");
  }

  key(event) {
    const { sound, regions } = this;
    const { duration, time, loop } = sound;
    const { key, target, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || (target.matches("input, select") && key !== "Escape")) return;
    const [from, to] = this.span;
    const short = Math.min(0.1, (to - from) / 20); // smaller steps for short stretches
    const step = shiftKey ? Math.min(1, (to - from) / 4) : short;
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[key];
    const shortcuts = {
      Home: () => sound.seek(0), End: () => sound.seek(duration), PageUp: () => this.pan(-0.8), PageDown: () => this.pan(0.8),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.showAll(),
      z: () => loop && this.show(loop[0], loop[1] - loop[0]), l: () => this.toggleLoop(), r: () => this.markRegion(),
      "[": () => this.loopTo(time, loop?.[1] > time ? loop[1] : duration), "]": () => this.loopTo(loop?.[0] < time ? loop[0] : 0, time),
      "?": () => { this.keys.open = !this.keys.open; },
    };
    const track = this.headers.childElementCount ? sound.tracks[key - 1] : null;
    if (regions.key(event, short)); // has handled it
    else if (by) sound.seek(time + by);
    else if (key === " " && target === this.stage) sound.toggle(); // a focused button handles Space itself
    else if (key === "Escape" && loop) sound.set({ loop: null });
    else if (track) sound.set({ soloed: String(settingOf(this.model, "soloed")) === track.title ? [] : [track.title] });
    else if (Object.hasOwn(shortcuts, key.toLowerCase()) || Object.hasOwn(shortcuts, key)) (shortcuts[key] ?? shortcuts[key.toLowerCase()])();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Zooms at the pointer; plain turns of the wheel scroll the page.
  wheel(event) {
    const [x, y] = this.pointOf(event);
    const { deltaX, deltaY, shiftKey } = event;
    const across = shiftKey ? deltaX || deltaY : Math.abs(deltaX) > Math.abs(deltaY) ? deltaX : 0;
    const factor = Math.exp(Math.min(Math.max(-100, deltaY), 100) / 250);
    const row = x < LEFT && this.rowAt(y, "levels");
    if (row && (event.ctrlKey || event.metaKey)) this.zoomFrequencies(factor, 1 - (y - row.top) / row.height);
    else if (event.ctrlKey || event.metaKey) this.zoom(factor, this.timeAt(x));
    else if (across && this.isZoomed) this.pan(across / this.width);
    else return;
    event.preventDefault();
  }

  pointOf({ clientX, clientY }) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  press(event) {
    if (event.button !== 0 || !event.isPrimary || event.target.closest(".track")) return;
    const [from] = this.pointOf(event);
    const start = this.timeAt(from);
    const change = this.regions.grasp(event, start);
    const ends = (x) => {
      const [low, high] = [start, this.timeAt(x)].sort((a, b) => a - b);
      const least = this.isZoomed ? 0 : SHORTEST_LOOP;
      return [low, Math.min(Math.max(high, low + least), this.sound.duration)];
    };
    this.isDragging = false;
    this.stage.setPointerCapture(event.pointerId);
    this.drag = (x) => {
      this.isDragging ||= Math.abs(x - from) > 4; // smaller movements are clicks
      if (this.isDragging) change ? change(this.timeAt(x)) : this.stretch(this.loopBand, ...ends(x));
    };
    this.stage.onpointerup = this.stage.onpointercancel = (last) => {
      const [x] = this.pointOf(last);
      this.drag(x);
      this.stage.onpointerup = this.stage.onpointercancel = this.drag = null;
      if (change) this.regions.finish(this.isDragging);
      else if (last.type === "pointerup" && !this.isDragging) this.sound.seek(start);
      else if (last.type === "pointerup" && ends(x)[1] > ends(x)[0]) this.sound.loopFrom(ends(x));
      this.follow();
    };
  }

  // Zooms with two fingers. What the first one had begun to draw or to move is forgotten.
  pinch(event) {
    const [first, second] = Array.from(event.touches, (touch) => this.pointOf(touch)[0]);
    const before = this.spread; // of the fingers, in CSS pixels
    this.spread = event.touches.length === 2 ? Math.max(30, Math.abs(first - second)) : null;
    if (!this.spread) return;
    event.preventDefault();
    if (this.drag && this.isDragging) this.regions.set(this.regions.before);
    this.stage.onpointerup = this.stage.onpointercancel = this.drag = null;
    if (before) this.zoom(before / this.spread, this.timeAt((first + second) / 2));
    this.follow();
  }

  point(event) {
    this.pointer = this.pointOf(event);
    this.drag?.(this.pointer[0]);
    this.follow();
  }

  async download() {
    const [from, to] = this.sound.loop ?? this.span;
    try {
      if (to - from > MOST_SAVED) throw new Error(`Zoom in to at most ${MOST_SAVED / 60} minutes first.`);
      saveFile(`${this.name}.wav`, await this.sound.wav(from, to));
    } catch (error) {
      this.say(error.message);
    }
  }
}

// A part of the row of tools that opens on a click.
function panel(title, ...children) {
  return element("details", { class: "panel" }, element("summary", { tabindex: "0" }, title), ...children);
}

// Lets the reader save a file.
function saveFile(name, content) {
  const link = element("a", { href: URL.createObjectURL(new Blob([content])), download: name.replace(/[\\/:*?"<>|]/g, "_") });
  link.click();
  URL.revokeObjectURL(link.href);
}

export default createPlayer;

// Plays the tracks of a Player in step: any part of them, at any speed without changing the pitch, in a loop or not.
//
// A sound is decoded at its own sample rate, so that the same samples are played and drawn. It is played in pieces, one
// right after the other. Python sends a sound of more than ten minutes in parts of `scene.part` seconds on request.

const PIECE = 20; // s that are prepared at once, less if the sound is slower
const KEPT = 4; // decoded parts of a long sound that stay in memory
const REPORT = 200; // ms between two reports of the time to Python
const SILENT_START = 1500; // ms after which we assume that the browser blocks the sound

// Settings of a Player. Pages without Python may lack the traits.
const SETTINGS = { speed: 1, volume: 1, frequency_axis: "mel", fmin: 0, dynamic_range: 90, muted: [], soloed: [], _regions: [] };
const settingOf = (model, name) => model.get(name) ?? SETTINGS[name] ?? null;

class Sound {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.parts = new Map(); // index -> promise of the decoded tracks
    this.isSounding = false;
    this.sources = [];
    const [count, time] = model.get("_report");
    this.position = count === model.get("_scene").count ? time : 0; // in s, while not playing
    this.trouble = "";
    this.pill = element("button", { type: "button", class: "musiclab musiclab-pill", hidden: true });
    this.pill.onclick = () => this.pause();
    document.body.append(this.pill);
    const stopListening = listen(model, {
      "change:_sound": () => { this.parts.clear(); this.position = 0; this.stop(); },
      "change:playing": () => (model.get("playing") ? this.start() : this.stop()),
      "change:_seek": () => this.seek(model.get("_seek")[1]),
      "change:loop change:speed": () => this.restart(),
      "change:volume change:muted change:soloed": () => this.balance(),
    });
    // Only one sound on a page plays at a time, whatever plays it. Escape stops it.
    const page = new AbortController();
    const onPage = (event, handler, capture) => document.addEventListener(event, handler, { signal: page.signal, capture });
    onPage("musiclab-plays", ({ detail }) => { if (detail !== this) this.giveWay(); });
    onPage("keydown", ({ key }) => { if (key === "Escape") this.giveWay(); });
    onPage("play", () => this.giveWay(), true); // of an audio or video element
    this.close = () => { this.stop(); this.pill.remove(); stopListening(); page.abort(); };
    if (model.get("playing")) this.start();
  }

  get scene() { return this.model.get("_scene"); }
  get duration() { return this.scene.duration; }
  get rate() { return this.scene.rate ?? 44100; }
  get tracks() { return this.scene.tracks ?? [{ title: this.scene.title, bytes: this.model.get("_sound").byteLength }]; }
  get loop() { return this.model.get("loop"); }
  get volume() { return settingOf(this.model, "volume") * (this.scene.gain ?? 1); }
  get speed() { return settingOf(this.model, "speed"); }

  // Time that you hear now, in s: the time passed to the audio output minus its latency.
  get time() {
    if (!this.isSounding) return this.position;
    const latency = this.context.outputLatency || 0;
    const time = this.from + Math.max(0, this.context.currentTime - this.startedAt - latency) * this.playedSpeed;
    if (!this.looping) return Math.min(time, this.preparedTo);
    const [start, end] = this.looping;
    return time < end ? time : start + ((time - start) % (end - start));
  }

  isAudible({ title }) {
    const soloed = settingOf(this.model, "soloed");
    return soloed.length ? soloed.includes(title) : !settingOf(this.model, "muted").includes(title);
  }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  report(time) {
    this.position = time;
    this.set({ _report: [this.scene.count, time] });
    this.reportedAt = performance.now();
  }

  // Decodes one part, and returns one AudioBuffer for each track.
  decoded(index) {
    if (!this.parts.has(index)) {
      const bytes = this.bytesOf(index).then((tracks) => Promise.all(tracks.map((track) =>
        new OfflineAudioContext(1, 1, this.rate).decodeAudioData(track))));
      this.parts.set(index, bytes);
      bytes.catch(() => this.parts.delete(index));
      if (this.parts.size > KEPT) this.parts.delete(this.parts.keys().next().value);
    }
    return this.parts.get(index);
  }

  async bytesOf(index) {
    let view = this.model.get("_sound");
    let lengths = this.tracks.map((track) => track.bytes);
    if (index > 0) ({ view, lengths } = await this.ask(index));
    let start = view.byteOffset;
    return lengths.map((length) => view.buffer.slice(start, (start += length)));
  }

  // Requests a part of a long sound from Python. A view tells the reader if it doesn't answer.
  ask(part) {
    const { count } = this.scene;
    if (!this.model.send) throw new Error(`Only the first ${this.scene.part} s are on this page.`);
    return new Promise((resolve) => {
      const stopListening = listen(this.model, {
        "msg:custom": (message, [view]) => {
          if (message.part !== part || message.count !== count) return;
          stopListening();
          resolve({ view, lengths: message.lengths });
        },
      });
      this.model.send({ part });
      this.asked?.();
    });
  }

  // Returns the samples between two times: a list of channels for each track.
  async samples(from, to) {
    const seconds = this.scene.part ?? this.duration + 1;
    const [start, end] = [from, to].map((time) => Math.round(time * this.rate));
    let tracks;
    for (let index = Math.floor(from / seconds); index * seconds < to; index++) {
      const buffers = await this.decoded(index);
      const first = index ? Math.round(index * seconds * this.rate) : 0;
      tracks ??= buffers.map((buffer) => Array.from({ length: buffer.numberOfChannels }, () => new Float32Array(end - start)));
      buffers.forEach((buffer, track) => tracks[track].forEach((samples, channel) => {
        const part = buffer.getChannelData(channel).subarray(Math.max(0, start - first), Math.max(0, end - first));
        samples.set(part, Math.max(0, first - start));
      }));
    }
    return tracks;
  }

  async start() {
    this.trouble = "";
    const turn = (this.turn = {}); // replaced if the reader presses pause or play again before the sound is decoded
    document.dispatchEvent(new CustomEvent("musiclab-plays", { detail: this }));
    for (const other of document.querySelectorAll("audio, video")) other.pause();
    try {
      this.context = contextAt(this.rate);
      let from = this.position;
      if (this.loop && (from < this.loop[0] || from >= this.loop[1])) from = this.loop[0];
      if (from >= this.duration - 0.01) from = 0; // at the end, start again from the beginning
      this.looping = this.loop; // a copy, because the trait may change while this sound plays
      this.playedSpeed = this.speed;
      const [piece] = await Promise.all([this.piece(from), awake(this.context)]);
      if (turn !== this.turn || !this.model.get("playing")) return;
      this.play(piece, from, turn);
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
    this.tell();
  }

  fail(error) {
    this.keepTime();
    this.trouble = error.message;
    this.set({ playing: false });
  }

  // Prepares a short loop, or the piece that starts at a time: one AudioBuffer for each track, and start and end.
  async piece(from) {
    const { part } = this.scene;
    const partEnd = part ? (Math.floor(from / part) + 1) * part : Infinity; // play what is there before asking for more
    const isLoop = this.looping && this.looping[1] - this.looping[0] <= PIECE;
    const last = Math.min(from + PIECE * Math.min(1, this.playedSpeed), partEnd, this.looping?.[1] ?? this.duration);
    const [start, end] = isLoop ? this.looping : [from, last];
    let tracks = await this.samples(start, end);
    if (this.playedSpeed !== 1) tracks = stretched(tracks, this.playedSpeed, this.rate);
    const buffers = tracks.map((channels) => {
      const buffer = new AudioBuffer({ length: Math.max(1, channels[0].length), numberOfChannels: channels.length, sampleRate: this.rate });
      channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
      return buffer;
    });
    return { buffers, start, end, isLoop };
  }

  play(piece, from, turn) {
    this.silence();
    this.master = new GainNode(this.context, { gain: this.volume });
    this.master.connect(this.context.destination);
    this.gains = this.tracks.map((track) => new GainNode(this.context, { gain: this.isAudible(track) ? 1 : 0 }));
    for (const gain of this.gains) gain.connect(this.master);
    [this.isSounding, this.from, this.startedAt] = [true, from, this.context.currentTime];
    this.heard = this.model.get("_sound");
    this.schedule(piece, this.startedAt, from - piece.start, turn);
    this.report(from);
    const follow = () => {
      if (turn !== this.turn || !this.isSounding) return;
      if (performance.now() - this.reportedAt > REPORT) this.report(this.time);
      this.tell();
      requestAnimationFrame(follow);
    };
    follow();
  }

  // Plays a piece at a time of the context, and then the next one. While a piece plays, the next is prepared.
  async schedule({ buffers, start, end, isLoop }, when, offset, turn) {
    const sources = buffers.map((buffer, track) => {
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: Boolean(isLoop) });
      source.connect(this.gains[track]);
      source.start(when, offset / this.playedSpeed);
      return source;
    });
    this.sources = [...this.sources.slice(-buffers.length), ...sources];
    this.preparedTo = end;
    const whenEnded = (act) => { sources[0].onended = () => { if (turn === this.turn) act(); }; };
    if (isLoop) return;
    if (!this.looping && end >= this.duration) return whenEnded(() => this.end());
    await new Promise((resolve) => setTimeout(resolve, 1000 * (when - this.context.currentTime)));
    const at = when + (end - start - offset) / this.playedSpeed;
    try {
      if (turn !== this.turn) return;
      const next = await this.piece(this.looping && end >= this.looping[1] ? this.looping[0] : end);
      if (turn !== this.turn) return;
      const late = Math.max(0, this.context.currentTime - at); // Python was busy
      this.startedAt += late;
      this.schedule(next, at + late, 0, turn);
    } catch (error) {
      if (turn === this.turn && this.context.currentTime >= at) this.fail(error);
      else whenEnded(() => this.fail(error));
    }
  }

  end() {
    this.silence();
    this.report(this.duration);
    this.set({ playing: false });
  }

  // Applies volume, mute and solo.
  balance() {
    if (this.isSounding) {
      const glide = (gain, value) => gain.gain.setTargetAtTime(value, this.context.currentTime, 0.01); // a jump would click
      glide(this.master, this.volume);
      this.tracks.forEach((track, index) => glide(this.gains[index], this.isAudible(track) ? 1 : 0));
    }
    this.tell();
  }

  silence() {
    this.isSounding = false;
    for (const source of this.sources) { source.onended = null; source.stop(); }
    this.sources = [];
  }

  stop() { this.turn = null; this.silence(); this.tell(); }

  // Keeps the current time, unless Python has loaded another sound and set its time.
  keepTime() { if (this.isSounding && this.heard === this.model.get("_sound")) this.report(this.time); }

  pause() { this.keepTime(); this.set({ playing: false }); }

  toggle() {
    if (this.model.get("playing")) this.pause();
    else this.set({ playing: true });
  }

  giveWay() { if (this.model.get("playing")) this.pause(); }

  // Continues at the current time with a new loop or speed.
  restart() {
    this.keepTime();
    if (this.isSounding) { this.silence(); this.start(); }
    this.tell();
  }

  // Ends the loop if the new time is outside.
  seek(time) {
    time = Math.min(Math.max(0, time), this.duration);
    const wasSounding = this.isSounding;
    this.silence();
    if (this.loop && (time < this.loop[0] || time > this.loop[1])) this.set({ loop: null });
    this.report(time);
    if (wasSounding) this.start();
    this.tell();
  }

  loopFrom(loop) {
    this.set({ loop });
    this.seek(loop[0]);
  }

  // Calls view.follow() whenever the time or a setting changes. Returns a function that stops it.
  show(view) {
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => { view.isSeen = isIntersecting; this.tell(); });
    watcher.observe(view.root);
    view.isSeen = true;
    this.views.add(view);
    return () => {
      watcher.disconnect();
      this.views.delete(view);
      if (!this.views.size && this.model.get("playing")) this.pause(); // no button is left to pause it
    };
  }

  tell() {
    for (const view of this.views) view.follow();
    this.pill.hidden = !this.isSounding || [...this.views].some((view) => view.isSeen);
    this.pill.textContent = `■ Stop ${this.scene.title || "sound"}`;
  }

  // Returns the audible tracks between two times as a WAV file, at full volume.
  async wav(from, to) {
    const tracks = (await this.samples(from, to)).filter((_, index) => this.isAudible(this.tracks[index]));
    const channels = Math.max(1, ...tracks.map((track) => track.length));
    const mix = Float32Array.from({ length: channels * Math.round((to - from) * this.rate) }, (_, at) =>
      (this.scene.gain ?? 1) * tracks.reduce((all, track) => all + (track[at % channels] ?? track[0])[Math.floor(at / channels)], 0));
    return wavOf(mix, this.rate, channels);
  }
}

// Returns the AudioContext of the page, of which there is one. Its rate is that of the sound that plays, because a browser
// resamples its output well, and the buffers that it plays badly.
function contextAt(sampleRate) {
  if (globalThis.musiclabAudio?.sampleRate === sampleRate) return globalThis.musiclabAudio;
  globalThis.musiclabAudio?.close();
  return (globalThis.musiclabAudio = new AudioContext({ sampleRate }));
}

// Waits until the browser allows sound, which requires a click or a key press on the page.
function awake(context) {
  const forbidden = new Promise((_, reject) =>
    setTimeout(() => reject(new Error("The browser blocks sound until you click. Press Play.")), SILENT_START));
  return Promise.race([context.resume(), forbidden]);
}

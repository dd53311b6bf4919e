// The page of an exported model: takes files and the microphone, and shows probabilities and a Player.
// It takes the place of Python for two widgets, the microphone and the Player (see musiclab/plots/browser).

const LONGEST = 600; // s that are classified of a recording
const SILENT = 1e-4; // peak, as in musiclab/datasets/scanning.py
const LISTENING = 60; // s for which the microphone may stay on
const PART = 0.5; // s between two predictions while the microphone is on
const COLUMNS = 1300; // of a picture: the pixels of a wide screen
const LEVELS = { floor: -100, step: 0.4, range: [-95, -5] }; // dB; as in musiclab/widgets/sound.py

// The thread that classifies. Each call returns a promise.
class Classifier {
  constructor(source) {
    this.calls = [];
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    this.worker.onmessage = ({ data: { id, progress, error, result } }) => {
      const { resolve, reject, tell } = this.calls[id];
      if (progress) return tell?.(progress);
      delete this.calls[id];
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.worker.onerror = ({ message }) => { for (const { reject } of Object.values(this.calls)) reject(new Error(message)); };
  }

  call(task, message, tell) {
    return new Promise((resolve, reject) => {
      this.worker.postMessage({ id: this.calls.push({ resolve, reject, tell }) - 1, task, ...message });
    });
  }
}

function percent(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  return share >= 0.995 && share < 1 ? ">99 %" : `${(100 * share).toFixed(0)} %`;
}

// A table with one bar for each class, in the style of musiclab.widgets.predictions.bars.
function barsOf(classes, probabilities) {
  const best = Math.max(...probabilities);
  const rows = classes.map((name, index) => {
    const share = probabilities[index];
    const bar = element("div", { class: "musiclab-bar", style: `width: ${100 * share}%` });
    return element("tr", { class: share === best ? "musiclab-best" : "" },
      element("th", { scope: "row" }, name), element("td", { class: "musiclab-track" }, bar), element("td", {}, percent(share)));
  });
  return element("table", { class: "musiclab-bars" },
    element("caption", {}, "Predicted probabilities"), element("tbody", {}, ...rows));
}

function laneOf(classes, edges, probabilities) {
  const height = 6 + Math.max(12, Math.min(14 * classes.length, 160)); // as in musiclab/widgets/lanes.py
  return { form: "predictions", name: "predicted", height, classes, edges, probabilities };
}

// Computes what a Player draws, as musiclab/widgets/sound.py does: levels of mel bands, and the outline of the waveform.
async function pictureOf(samples, rate) {
  const window = windowAt(rate);
  const bands = Math.min(96, window.length / 8); // with more, some would lie between two bins
  const edges = melCorners(0, rate / 2, bands);
  const padded = new Float32Array(samples.length + window.length);
  padded.set(samples, window.length / 2);
  const filters = filtersOf({ edges }, { kind: "mel" }, bands, window, rate);
  const { cells, rows, hop } = await levelsOf(padded, window, filters, LEVELS, COLUMNS, () => false);
  const reach = roundedUp(peakOf(samples));
  const points = samplePoints({ samples, rate, start: 0 }, reach, [0, samples.length / rate], COLUMNS / 2);
  const outline = Int8Array.from(points.flatMap(([, low, high]) => [low, high]), (value) => Math.round(127 * value));
  return { levels: cells, outline, scene: { ...LEVELS, rows, edges, reach, columnSeconds: hop / rate } };
}

class Page {
  constructor(info, classifier, colours) {
    Object.assign(this, { info, classifier });
    for (const name of ["microphone", "verdict", "bars", "player"]) this[name] = document.getElementById(name);
    this.recorder = new Model({
      limits: { seconds: LISTENING, bytes: Infinity, part: PART }, accept: "audio/*", lane: {}, status: "", answered: 0,
    });
    this.recorder.send = (message, _, buffers) => this.receive(message, buffers);
    this.track = new Model({
      _scene: { count: 0 }, _sound: null, _report: [0, 0], _colours: new DataView(colours), playing: false, loop: null,
    });
    this.waiting = Promise.resolve(); // messages are handled one after the other
    renderMicrophone({ model: this.recorder, el: this.microphone });
    this.allowDrops(document.getElementById("drop"));
  }

  say(text) { this.recorder.tell("msg:custom", { say: text }); }
  fade(opacity) { for (const part of [this.verdict, this.bars, this.player]) part.style.opacity = opacity; }
  showBars(probabilities) { this.bars.replaceChildren(barsOf(this.info.classes, probabilities)); }

  showVerdict(probabilities) {
    const best = Math.max(...probabilities);
    const name = this.info.classes[probabilities.indexOf(best)];
    this.showBars(probabilities);
    this.verdict.replaceChildren(element("strong", {}, name), ` ${percent(best)}`);
    return name;
  }

  allowDrops(mark) {
    const drop = (event) => {
      event.preventDefault();
      mark.classList.toggle("over", event.type === "dragover");
      if (event.type === "drop") this.takeFile(event.dataTransfer.files[0]);
    };
    for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, drop);
  }

  async takeFile(file) {
    if (!file) return this.say("That was not a file. Drop a sound file, for example a WAV or MP3 file.");
    this.say(`Reading ${file.name}.`);
    this.receive({ event: "file", name: file.name }, [await file.arrayBuffer()]);
  }

  // Handles a message of the microphone widget, after those before it.
  receive({ event, name, rate }, [buffer] = []) {
    this.waiting = this.waiting.then(async () => {
      this.fade(event === "file" ? 0.35 : 1); // what is still there belongs to an earlier sound
      try {
        if (event === "start") this.startListening(rate);
        else if (event === "part") await this.classifyPart(new Int16Array(buffer));
        else if (event === "stop") await this.stopListening();
        else if (event === "file") await this.classifyFile(name, buffer);
      } catch (error) {
        this.say(name ? `${name}: ${error.message}` : `The sound can't be classified: ${error.message}`);
        for (const part of [this.verdict, this.bars]) part.replaceChildren(); // those of an earlier sound
        this.track.set("playing", false);
        this.player.hidden = true;
      }
      this.fade(1);
      this.recorder.set("answered", this.recorder.get("answered") + 1);
    });
  }

  startListening(rate) {
    Object.assign(this, { rate, parts: [], count: 0, edges: [0], timeline: [] });
    this.track.set("playing", false);
    this.player.hidden = true;
  }

  // Returns the last `seconds` of the recording.
  recorded(seconds = Infinity) {
    const samples = new Float32Array(this.count);
    let at = 0;
    for (const part of this.parts) for (const sample of part) samples[at++] = sample / 32768;
    return samples.slice(-Math.min(this.count, Math.round(seconds * this.rate)));
  }

  async classifyPart(samples) {
    this.parts.push(samples);
    this.count += samples.length;
    const waveform = this.recorded(this.info.seconds);
    const { probabilities } = await this.classifier.call("classify", { waveform, rate: this.rate, isTimeless: true });
    this.showVerdict(probabilities);
    this.edges.push(this.count / this.rate);
    this.timeline.push(probabilities);
    this.recorder.set("lane", laneOf(this.info.classes, [...this.edges], [...this.timeline]));
  }

  async stopListening() {
    if (!this.count) return this.say("Nothing was recorded.");
    const waveform = this.recorded();
    await this.hear(waveform, this.rate, "the microphone", wavOf(waveform, this.rate));
    this.recorder.set("lane", {});
  }

  async classifyFile(name, bytes) {
    if (!bytes.byteLength) throw new Error("this file is empty. Choose another one.");
    let sound;
    try {
      sound = await decoded(bytes);
    } catch {
      throw new Error("this browser can't decode the file. Convert it to WAV, FLAC, Ogg or MP3 first.");
    }
    await this.hear(sound.waveform, sound.rate, name, bytes);
  }

  // Classifies a sound and loads it into the Player. `bytes` are those of its file.
  async hear(waveform, rate, name, bytes) {
    const most = LONGEST * rate;
    const note = waveform.length > most ? ` Only the first ${LONGEST / 60} minutes were classified.` : "";
    const sound = waveform.subarray(0, most);
    this.say(`Classifying ${name}.`);
    const tell = ([done, all]) => { if (all > 1) this.say(`Classifying ${name}: part ${done + 1} of ${all}.`); };
    const { probabilities, edges, timeline } = await this.classifier.call("classify", { waveform: sound, rate }, tell);
    const picture = await pictureOf(sound, rate);
    this.load(name, sound.length / rate, rate, picture, laneOf(this.info.classes, edges, timeline), bytes);
    const best = this.showVerdict(probabilities);
    const silent = peakOf(sound) > SILENT ? "" : " But it is silent, so the prediction means nothing.";
    this.say(`${name}: ${(sound.length / rate).toFixed(1)} s, most likely ${best}.${silent}${note}`);
  }

  load(title, duration, rate, { levels, outline, scene }, lane, bytes) {
    const count = this.track.get("_scene").count + 1;
    const traits = {
      playing: false, loop: null, view: null, fmin: 0, fmax: null, _regions: [],
      _scene: { ...scene, count, title, duration, rate, note: "", lanes: [lane] },
      _levels: new DataView(levels.buffer), _outline: new DataView(outline.buffer), _report: [count, 0],
      _sound: new DataView(bytes),
    };
    this.player.hidden = false;
    for (const [name, value] of Object.entries(traits)) this.track.set(name, value);
    if (this.widget) return;
    this.widget = createPlayer();
    this.widget.initialize({ model: this.track });
    this.widget.render({ model: this.track, el: this.player });
  }
}

async function open() {
  const text = (id) => document.getElementById(id).textContent;
  const info = JSON.parse(text("model"));
  const classifier = new Classifier(text("runtime"));
  const page = new Page(info, classifier, fromBase64(info.colours));
  await classifier.call("start", { model: info, weights: await unzipped(fromBase64(text("weights"))) });
  return page;
}

// A page that shows this one in a frame may follow its height, set its theme ("light", "dark" or "auto"), and send it sound
// files. Each of both pauses when the other one says that it plays.
if (parent !== window) {
  new ResizeObserver(([{ target }]) => parent.postMessage({ height: target.offsetHeight }, "*")).observe(document.documentElement);
  document.addEventListener("musiclab-plays", ({ detail }) => { if (detail !== parent) parent.postMessage({ plays: true }, "*"); });
  addEventListener("message", ({ source, data }) => {
    const { theme, name, bytes, plays } = source === parent ? data : {};
    if (plays) document.dispatchEvent(new CustomEvent("musiclab-plays", { detail: parent }));
    if (theme) {
      document.documentElement.style.colorScheme = theme === "auto" ? "" : theme;
      document.body.dataset.theme = theme;
    }
    if (bytes) opened.then((page) => page.receive({ event: "file", name }, [bytes]));
  });
}

const opened = open();
opened.catch((error) => {
  document.getElementById("verdict").textContent = `This browser can't run the page (${error.message}). Update it, or try another one.`;
});

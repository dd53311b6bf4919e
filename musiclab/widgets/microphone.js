// The microphone, or a file, sent to Python; what was heard along time, drawn.
// Messages: {kind: "told", text} (what is said here), {kind: "start", rate}, {kind: "part"} + int16 samples, {kind: "stop"}, {kind: "file", name} + its bytes.
// Python answers each but the first by `heard` + 1: parts wait for that, so that none queue up when the model is slower
// than the sound. What Python has to say comes as {say: text}; the trait `said` is for a page that is opened later.

const PART = 0.5; // seconds of sound in a message

// Runs on the browser's audio thread, and hands every block of samples over.
const TAP = `registerProcessor("musiclab-tap", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0].length) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

const REFUSED = {
  NotAllowedError: "The browser refused the microphone. Allow it for this page (beside the address), or choose a file.",
  NotFoundError: "No microphone was found. Plug one in, or choose a file.",
  NotReadableError: "The microphone is in use by another program. Close that, or choose a file.",
};
const INSECURE =
  "The browser gives the microphone only to pages from localhost or https, and this one is neither. Choose a file instead.";

function render({ model, el }) {
  el.classList.add("musiclab-clips", "musiclab-live");
  const listen = element("button", { type: "button", "aria-pressed": "false" }, "Listen");
  const input = element("input", { type: "file", accept: ".wav,.flac,.ogg,.mp3,.au,.aif,.aiff" });
  const choose = element("label", {}, "Choose a file", input);
  const said = element("span", { role: "status" });
  const strip = element("canvas", { role: "img", hidden: true });
  el.append(element("div", { class: "musiclab-buttons" }, listen, choose, said), strip);

  let open = null; // {context, stream} while the microphone is on
  let waiting = []; // blocks of samples that have not been sent
  let sent = 0; // messages that Python has yet to answer; counted so that a part waits for the one before it
  let seconds = 0;

  function tell(text) {
    said.textContent = text;
    model.send({ kind: "told", text });
  }

  function send(message, buffers) {
    sent += 1;
    model.send(message, undefined, buffers);
  }

  function flush() {
    const { sampleRate } = open.context;
    const count = waiting.reduce((sum, block) => sum + block.length, 0);
    if (sent > 0 || count < PART * sampleRate) return;
    const samples = new Int16Array(count);
    let [at, power] = [0, 0];
    for (const block of waiting)
      for (const value of block) {
        samples[at++] = Math.round(Math.max(-1, Math.min(32767 / 32768, value)) * 32768);
        power += value * value;
      }
    waiting = [];
    seconds += count / sampleRate;
    const level = 10 * Math.log10(power / count + 1e-10);
    const quiet = level < -70 ? ": silence; is the microphone muted?" : "";
    tell(`Listening: ${seconds.toFixed(1)} s, level ${level.toFixed(0)} dB${quiet}`);
    send({ kind: "part" }, [samples.buffer]);
    if (seconds >= model.get("limits").seconds) stop();
  }

  async function start() {
    if (!navigator.mediaDevices?.getUserMedia) return tell(INSECURE);
    tell("Waiting for the browser to open the microphone.");
    // What is meant for speech would change what the model hears: noise removed, music faded, levels evened out.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch (error) {
      return tell(REFUSED[error.name] ?? `The microphone cannot be opened (${error.message}). Choose a file instead.`);
    }
    const context = new AudioContext();
    const module = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(module);
    URL.revokeObjectURL(module);
    const tap = new AudioWorkletNode(context, "musiclab-tap");
    const mute = new GainNode(context, { gain: 0 }); // the chain must end in the speakers to run, but not be heard
    context.createMediaStreamSource(stream).connect(tap).connect(mute).connect(context.destination);
    [open, waiting, seconds] = [{ context, stream }, [], 0];
    tap.port.onmessage = ({ data }) => {
      if (!open) return;
      waiting.push(data);
      if (waiting.length * data.length > model.get("limits").seconds * context.sampleRate) stop(); // nobody answers
      else flush();
    };
    send({ kind: "start", rate: context.sampleRate });
    show();
  }

  function stop() {
    if (!open) return;
    for (const track of open.stream.getTracks()) track.stop();
    open.context.close();
    open = null;
    show();
    tell("Naming the whole of what was heard.");
    send({ kind: "stop" });
  }

  listen.onclick = () => (open ? stop() : start());
  input.onchange = async () => {
    const [file] = input.files;
    input.value = ""; // so that the same file can be chosen again
    if (!file) return;
    stop();
    const most = model.get("limits").bytes;
    if (file.size > most) {
      const [found, allowed] = [file.size, most].map((size) => (size / 1e6).toFixed(1));
      return tell(`${file.name} has ${found} MB, and a page can send ${allowed} MB. Name it with: musiclab predict RUN FILE`);
    }
    tell(`Reading ${file.name}.`);
    send({ kind: "file", name: file.name }, [await file.arrayBuffer()]);
  };

  function draw() {
    const along = model.get("along");
    strip.hidden = along.length === 0;
    if (strip.hidden || !strip.clientWidth) return;
    const classes = model.get("classes");
    const { mark, ink } = coloursOf(strip, "mark", "ink");
    const row = 16;
    const height = row * classes.length + 24;
    const [brush, width] = sharpened(strip, height);
    brush.translate(0, 4);
    brush.font = "12px system-ui, sans-serif";
    brush.textBaseline = "middle";
    const names = 8 + Math.max(...classes.map((name) => brush.measureText(name).width));
    const last = along[along.length - 1][0];
    const scale = (width - names) / Math.max(10, last); // pixels a second: 10 s fill the strip
    brush.fillStyle = mark;
    let from = 0;
    for (const [until, shares] of along) {
      shares.forEach((share, place) => {
        brush.globalAlpha = share;
        brush.fillRect(names + from * scale, place * row, (until - from) * scale, row - 1);
      });
      from = until;
    }
    brush.globalAlpha = 1;
    brush.fillStyle = ink;
    classes.forEach((name, place) => brush.fillText(name, 4, (place + 0.5) * row));
    brush.textBaseline = "alphabetic";
    brush.textAlign = "right";
    brush.fillText(`${last.toFixed(1)} s`, Math.max(names + 40, names + last * scale), height - 10);
    const shares = along[along.length - 1][1];
    const best = classes[shares.indexOf(Math.max(...shares))];
    strip.setAttribute("aria-label", `Probabilities along ${last.toFixed(0)} s, the darker the surer; now ${best}`);
  }

  const show = () => {
    listen.textContent = open ? "Stop" : "Listen";
    listen.setAttribute("aria-pressed", String(open !== null));
  };
  const answered = () => {
    sent = Math.max(0, sent - 1);
    if (open) flush();
  };
  const hear = ({ say }) => {
    if (say !== undefined) said.textContent = say;
  };
  model.on("msg:custom", hear);
  model.on("change:heard", answered);
  model.on("change:along change:classes", draw);
  said.textContent = model.get("said");
  const size = new ResizeObserver(() => requestAnimationFrame(draw)); // first once the page has put it somewhere
  size.observe(el);
  const stopTheme = followTheme(draw);
  return () => {
    size.disconnect();
    stopTheme();
    stop(); // the microphone must not stay open when the page forgets the widget
    model.off("msg:custom", hear);
    model.off("change:heard", answered);
    model.off("change:along change:classes", draw);
  };
}

export default { render };

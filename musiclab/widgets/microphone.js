// The microphone, or a file, sent to Python; the predictions along time, drawn as above a Player's sound.
// Messages: {event: "status", text} (what is said here), {event: "start", rate}, {event: "part"} + int16 samples,
// {event: "stop"}, {event: "file", name} + its bytes. Python answers each but the first by `answered` + 1: parts wait for
// that, so that none queue up when the model is slower than the sound. What Python has to say comes as {say: text}.

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
  el.classList.add("musiclab", "musiclab-clips", "musiclab-live");
  const button = element("button", { type: "button", "aria-pressed": "false" }, "Listen");
  const input = element("input", { type: "file", accept: ".wav,.flac,.ogg,.mp3,.au,.aif,.aiff" });
  const choose = element("label", { class: "musiclab-button" }, "Choose a file", input);
  const status = element("span", { role: "status" }, model.get("status"));
  const strip = element("canvas", { role: "img", hidden: true });
  el.append(element("div", { class: "musiclab-buttons" }, button, choose, status), strip);

  const limits = () => model.get("limits");
  let open = null; // {context, stream} while the microphone is on
  let waiting = []; // blocks of samples that have not been sent
  let sent = 0; // messages that Python has yet to answer
  let seconds = 0;

  function tell(text) {
    status.textContent = text;
    model.send({ event: "status", text });
  }

  function send(message, buffers) {
    sent += 1;
    model.send(message, undefined, buffers);
  }

  function flush() {
    const { sampleRate } = open.context;
    const count = waiting.reduce((sum, block) => sum + block.length, 0);
    if (count > limits().seconds * sampleRate) return stop(); // nobody answers
    if (sent > 0 || count < limits().part * sampleRate) return;
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
    send({ event: "part" }, [samples.buffer]);
    if (seconds >= limits().seconds) stop();
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
    [waiting, seconds] = [[], 0];
    set({ context, stream });
    tap.port.onmessage = ({ data }) => {
      if (!open) return;
      waiting.push(data);
      flush();
    };
    send({ event: "start", rate: context.sampleRate });
  }

  function stop() {
    if (!open) return;
    for (const track of open.stream.getTracks()) track.stop();
    open.context.close();
    set(null);
    tell("Classifying the whole of what was heard.");
    send({ event: "stop" });
  }

  function set(opened) {
    open = opened;
    button.textContent = open ? "Stop" : "Listen";
    button.setAttribute("aria-pressed", String(open !== null));
  }

  button.onclick = () => (open ? stop() : start());
  input.onchange = async () => {
    const [file] = input.files;
    input.value = ""; // so that the same file can be chosen again
    if (!file) return;
    stop();
    if (file.size > limits().bytes) {
      const [size, most] = [file.size, limits().bytes].map((bytes) => (bytes / 1e6).toFixed(1));
      return tell(`${file.name} has ${size} MB, and a page can send ${most} MB. Classify it with: musiclab predict RUN FILE`);
    }
    tell(`Reading ${file.name}.`);
    send({ event: "file", name: file.name }, [await file.arrayBuffer()]);
  };

  function draw() {
    const track = model.get("track");
    strip.hidden = !track.edges;
    if (strip.hidden || !strip.clientWidth) return;
    const last = track.edges.at(-1);
    const duration = Math.max(10, last); // 10 s fill the strip
    const [pen, area] = laidOut(strip, track.height + AXIS, duration);
    drawTrack(pen, track, { ...area, top: 0 });
    drawTimes(pen, duration, { ...area, top: track.height });
    const now = valueOf(track, last - 0.001);
    strip.setAttribute("aria-label", `Probabilities along ${last.toFixed(0)} s, the darker the surer; now ${now}`);
  }

  const answered = () => {
    sent = Math.max(0, sent - 1);
    if (open) flush();
  };
  const say = (message) => {
    if (message.say !== undefined) status.textContent = message.say;
  };
  const stopListening = listen(model, { "msg:custom": say, "change:answered": answered, "change:track": draw });
  const stopFollowing = followPage(el, draw);
  return () => {
    stopFollowing();
    stop(); // the microphone must not stay open when the page forgets the widget
    stopListening();
  };
}

export default { render };

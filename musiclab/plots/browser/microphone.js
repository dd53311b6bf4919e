// Sends the sound of the microphone, or a file, to Python, and draws the predictions over time like a lane of a Player.
// Messages: {event: "status", text}, {event: "start", rate}, {event: "part"} + int16 samples, {event: "stop"},
// {event: "file", name} + bytes of a file that Python can read, {event: "sound", name, rate} + int16 samples of another file,
// such as those of phones, which the browser decodes. Python answers each message by increasing `answered`. The next part
// waits for the answer, so that a slow model doesn't fall behind. Python sends messages for the reader as {say: text}.

// Runs on the audio thread of the browser and passes on every block of samples.
const TAP = `registerProcessor("musiclab-tap", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0].length) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

const REFUSED = {
  NotAllowedError: "The browser blocked the microphone. Allow it for this page (next to the address), or choose a file. In a frame, open the frame in a page of its own.",
  NotFoundError: "No microphone was found. Connect one, or choose a file.",
  NotReadableError: "Another program is using the microphone. Close it, or choose a file.",
  insecure: "Browsers allow the microphone only on pages from localhost or https. Open this page there, or choose a file.",
};

const RATE = 44100; // Hz, of files that the browser decodes

const toInt16 = (value) => Math.round(Math.max(-1, Math.min(32767 / 32768, value)) * 32768);

// Returns at most the first `seconds` of a sound file, the mean of all channels as int16.
async function decodedByBrowser(bytes, seconds) {
  const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
  return Int16Array.from({ length: Math.min(buffer.length, seconds * RATE) },
    (_, at) => toInt16(channels.reduce((sum, samples) => sum + samples[at], 0) / channels.length));
}

function renderMicrophone({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips", "musiclab-live");
  const button = element("button", { type: "button", "aria-pressed": "false" }, "Listen");
  const input = element("input", { type: "file", accept: `${model.get("accept")},audio/*,video/mp4,video/webm` });
  const choose = element("label", { class: "musiclab-button" }, "Choose a file", input);
  const status = element("span", { role: "status" }, model.get("status"));
  const strip = element("canvas", { role: "img", hidden: true });
  el.append(element("div", { class: "musiclab-buttons" }, button, choose, status), strip);

  const limits = () => model.get("limits");
  let open = null; // {context, stream} while the microphone is on
  let [waiting, seconds] = [[], 0]; // blocks of samples that have not been sent yet, and the duration of all
  let sent = 0; // number of messages that Python has not answered yet

  function tell(text) {
    status.textContent = text;
    send({ event: "status", text });
  }

  function send(message, buffers) {
    sent += 1;
    model.send(message, undefined, buffers);
    asked();
  }

  function flush() {
    const { sampleRate } = open.context;
    const count = waiting.reduce((sum, block) => sum + block.length, 0);
    if (count > limits().seconds * sampleRate) return stop(); // Python doesn't answer
    if (sent > 0 || count < limits().part * sampleRate) return;
    const samples = new Int16Array(count);
    let [at, power] = [0, 0];
    for (const block of waiting)
      for (const value of block) {
        samples[at++] = toInt16(value);
        power += value * value;
      }
    [waiting, seconds] = [[], seconds + count / sampleRate];
    const level = 10 * Math.log10(power / count + 1e-10);
    const hint = level < -70 ? ". No sound: is the microphone muted?" : "";
    tell(`Listening: ${seconds.toFixed(1)} s, level ${level.toFixed(0)} dB${hint}`);
    send({ event: "part" }, [samples.buffer]);
    if (seconds >= limits().seconds) stop();
  }

  async function start() {
    if (!navigator.mediaDevices?.getUserMedia) return tell(REFUSED.insecure);
    tell("Waiting for the browser to open the microphone.");
    // Processing for speech calls would change the model's input: it removes noise, fades music and evens out levels.
    const unprocessed = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: unprocessed });
    } catch (error) {
      return tell(REFUSED[error.name] ?? `The microphone can't be opened (${error.message}). Choose a file instead.`);
    }
    const context = new AudioContext();
    // a data address, because a page from disk may not load the address of a blob here
    await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(TAP)}`);
    const tap = new AudioWorkletNode(context, "musiclab-tap");
    const mute = new GainNode(context, { gain: 0 }); // the graph runs only if it ends in the speakers, which stay silent
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
    tell("Classifying the recording.");
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
    const { seconds: most, bytes } = limits();
    const isKnown = model.get("accept").split(",").some((ending) => ending === "audio/*" || file.name.toLowerCase().endsWith(ending));
    if (isKnown && file.size > bytes) {
      const inMegabytes = (size) => `${(size / 1e6).toFixed(1)} MB`;
      return tell(`${file.name} is too large (${inMegabytes(file.size)}, at most ${inMegabytes(bytes)}). Classify it with: musiclab predict RUN FILE`);
    }
    tell(`Reading ${file.name}.`);
    const content = await file.arrayBuffer();
    if (isKnown) return send({ event: "file", name: file.name }, [content]);
    try {
      const samples = await decodedByBrowser(content, most);
      send({ event: "sound", name: file.name, rate: RATE }, [samples.buffer]);
    } catch {
      tell(`${file.name}: the browser can't decode this file. Check that it plays, or convert it to WAV.`);
    }
  };

  function draw() {
    const lane = model.get("lane");
    strip.hidden = !lane.edges;
    if (strip.hidden || !strip.clientWidth) return;
    const last = lane.edges.at(-1), duration = Math.max(10, last); // at first, the strip shows 10 s
    const [pen, area] = laidOut(strip, lane.height + AXIS, duration);
    drawLane(pen, lane, { ...area, top: 0 });
    drawTimes(pen, duration, { ...area, top: lane.height });
    const now = valueOf(lane, last - 0.001);
    strip.setAttribute("aria-label", `Probabilities over ${last.toFixed(0)} s; darker means more probable. Now: ${now}`);
  }

  const [asked, answers] = awaitAnswers(model, el);
  const received = () => {
    answers["change:answered"]();
    sent = Math.max(0, sent - 1);
    if (open) flush();
  };
  const say = (message) => { status.textContent = message.say ?? status.textContent; };
  const stopListening = listen(model, { "msg:custom": say, "change:answered": received, "change:lane": draw });
  const stopFollowing = followPage(el, draw);
  return () => { stopFollowing(); stop(); stopListening(); }; // turns the microphone off, too
}

export default { render: renderMicrophone };

// Classifies sounds in a thread of its own, so that the page stays responsive.
// Messages: {id, task, ...arguments}; answers: {id, result}, {id, error} or, meanwhile, {id, progress: [done, all]}.

const BLOCK = 60; // s that are classified at once, so that memory does not depend on the length of a recording

let graph, model; // model: {rate, shortest, feature, length, hop, seconds, temperature}

// Log-probabilities to probabilities, as sure as the calibration says.
function calibrated(scores) {
  const row = tensor("double", [scores.length], Float64Array.from(scores, (score) => score / model.temperature));
  return [...operators.Softmax([row], {}).data];
}

const mean = (rows) => rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);

// Start and end of the segments of a sound in s, as the graph cuts them.
function spansOf(samples, count) {
  const { feature, length, hop, rate } = model;
  const steps = { audio: samples, embedding: count }[feature] ?? 1 + Math.floor(samples / hop);
  const spare = Math.max(0, steps - length);
  return Array.from({ length: count }, (_, index) => {
    const start = roundHalfEven((index * spare) / Math.max(1, count - 1));
    return [start, start + length].map((step) => Math.min(step * hop, samples) / rate);
  });
}

// Borders between windows, in the middle of their overlap.
const edgesOf = (spans) =>
  [spans[0][0], ...spans.slice(1).map(([start], index) => (spans[index][1] + start) / 2), spans.at(-1)[1]];

const tasks = {
  start(message) {
    model = message.model;
    graph = new Graph(model.graph, message.weights);
  },

  // Returns probabilities of the whole sound, and those of its windows with the borders between them.
  classify({ waveform, rate, isTimeless }, tell) {
    const sound = resampled(waveform, rate, model.rate);
    if (sound.length < model.shortest) {
      throw new Error(`the sound is too short: ${(sound.length / model.rate).toFixed(2)} s. ` +
        `The model needs at least ${(model.shortest / model.rate).toFixed(2)} s.`);
    }
    const blocks = Math.ceil(sound.length / (BLOCK * model.rate));
    const start = (block) => Math.round((block * sound.length) / blocks);
    const [rows, spans] = [[], []];
    for (let block = 0; block < blocks; block++) {
      tell([block, blocks]);
      const part = sound.slice(start(block), start(block + 1));
      const scores = graph.run(part);
      const offset = start(block) / model.rate;
      rows.push(...scores);
      spans.push(...spansOf(part.length, scores.length).map((span) => span.map((time) => time + offset)));
    }
    const probabilities = calibrated(mean(rows));
    if (isTimeless) return { probabilities };
    if (model.feature !== "summary") return { probabilities, edges: edgesOf(spans), timeline: rows.map(calibrated) };
    const seconds = sound.length / model.rate;
    const count = Math.max(1, roundHalfEven(seconds / model.seconds)); // a short remainder joins the last window
    const edges = Array.from({ length: count + 1 }, (_, index) => (index === count ? seconds : index * model.seconds));
    const timeline = edges.slice(1).map((end, index) => {
      const part = sound.slice(Math.round(edges[index] * model.rate), Math.round(end * model.rate));
      return calibrated(mean(graph.run(part)));
    });
    return { probabilities, edges, timeline };
  },
};

onmessage = ({ data: { id, task, ...message } }) => {
  try {
    postMessage({ id, result: tasks[task](message, (progress) => postMessage({ id, progress })) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};

// The parts of the Player's picture: formatted values, and functions that draw on a canvas. Loaded before player.js.

const LEFT = 62; // CSS pixels left of the time axis, for labels
const RIGHT = 10;
const AXIS = 20; // height of the time axis

// Writes a time with as many digits as a stretch of `span` seconds needs.
function clock(time, span, duration = span) {
  if (duration < 1) return `${(1000 * time).toFixed(span < 0.1 ? 2 : 0)} ms`;
  const digits = Math.max(duration < 60 ? 2 : 1, Math.ceil(2 - Math.log10(span)));
  if (duration < 60) return `${time.toFixed(digits)} s`;
  const [minutes, seconds] = [Math.floor(time / 60), (time % 60).toFixed(digits).padStart(digits + 3, "0")];
  return duration < 3600 ? `${minutes}:${seconds}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds}`;
}

function hertz(value) { return `${Math.round(value).toLocaleString("en")} Hz`; }
function decibels(value) { return value <= -100 ? "below −100 dB" : `${value.toFixed(0).replace("-", "−")} dB`; }

// Interpolates a list linearly at a fractional position.
function interpolate(values, position) {
  const below = Math.min(Math.max(0, Math.floor(position)), values.length - 2);
  return values[below] + (position - below) * (values[below + 1] - values[below]);
}

// Returns the value of a lane at a time as text, or undefined.
function valueOf(lane, time) {
  if (lane.form === "segments") {
    const index = lane.spans.findIndex(([start, end]) => start <= time && time < end);
    return index < 0 ? undefined : lane.texts[index];
  }
  if (lane.form === "predictions") {
    const row = lane.probabilities[lastBelow(lane.edges, time)];
    if (!row) return undefined;
    const best = Math.max(...row);
    return `${lane.classes[row.indexOf(best)]} ${Math.round(100 * best)} %`;
  }
  const index = lastBelow(lane.times, time);
  return index < 0 ? undefined : `beat ${index + 1}`;
}

// Prepares a canvas for drawing. Returns its context, and the position of the time axis with the colours of the page.
function laidOut(canvas, height, duration, [from, to] = [0, duration], right = RIGHT) {
  const [pen, wide] = sharpened(canvas, height);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const width = Math.max(1, wide - LEFT - right);
  const colour = coloursOf(canvas, "ink", "quiet", "line", "accent");
  return [pen, { left: LEFT, width, colour, view: [from, to], x: (time) => LEFT + ((time - from) / (to - from)) * width }];
}

function clipped(pen, { left, top, width, height }, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  draw();
  pen.restore();
}

function label(pen, text, { left, colour }, y) {
  pen.fillStyle = colour.quiet;
  pen.textAlign = "right";
  pen.fillText(text, left - 6, y, left - 8);
}

// Returns the colour of each of the 256 levels. The colour map spans `range` dB up to the loudest level of the scene.
function coloursOfLevels(map, { floor, step, range: [, loudest] }, range) {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const share = (floor + step * byte - loudest + range) / range;
    return map[Math.round(255 * Math.min(Math.max(0, share), 1))];
  });
}

// Draws layers of levels (see spectrum.js), the finest last.
function drawLevels(pen, layers, axis, scene, colours, area) {
  const { left, top, width, height, x, colour, view } = area;
  clipped(pen, area, () => {
    for (const layer of layers) {
      const { cells, rows, columns, columnSeconds, start } = cropped(layer, view, axis, height, scene);
      const [from, to] = [x(start - columnSeconds / 2), x(start + (columns - 0.5) * columnSeconds)];
      pen.imageSmoothingEnabled = to - from < columns; // smooth only cells that are smaller than pixels
      if (columns) pen.drawImage(imageOf(cells, rows, columns, colours), from, top, to - from, height);
    }
  });
  drawScale(pen, frequencyMarks(axis, height), area);
}

// Returns round frequencies between the ends of an axis, each as its share of the axis from the bottom, and its text.
function frequencyMarks(axis, height) {
  const isNarrow = axis.kind === "linear" || axis.high < 4 * axis.low;
  const marks = isNarrow ? ticks(axis.low, axis.high, height / 30) : [50, 100, 200, 500, 1000, 2000, 4000, 8000, 16000];
  const inHertz = (mark) => mark < 1000 || (isNarrow && axis.high < 1000);
  return marks.map((mark) => [axis.shareOf(mark), inHertz(mark) ? `${+mark.toFixed(1)} Hz` : `${+(mark / 1000).toFixed(3)} kHz`]);
}

// Draws the marks of a vertical axis, from the bottom, as far as there is room for their texts.
function drawScale(pen, marks, area) {
  const { left, top, height, colour } = area;
  let free = Infinity;
  for (const [share, text] of marks) {
    const y = top + height * (1 - share);
    if (y < top + 6 || !(y < top + height - 4) || y > free) continue;
    free = y - 12;
    label(pen, text, area, y);
    pen.fillStyle = colour.line;
    pen.fillRect(left - 4, y, 4, 1);
  }
}

// Returns the points of a waveform between two times, between -1 and 1: the stored extremes, or samples with their rate and
// the time of the first. There are at most two samples per pixel; more are replaced by their extremes.
function outlinePoints(outline, first, columns, seconds, [from, to]) {
  const points = [];
  const start = Math.max(0, Math.floor((from / seconds) * columns) - 1);
  for (let column = start; column < Math.min(columns, (to / seconds) * columns + 1); column++) {
    const [low, high] = [0, 1].map((side) => outline.getInt8(2 * (first + column) + side) / 127);
    points.push([((column + 0.5) / columns) * seconds, low, high]);
  }
  return points;
}

function samplePoints({ samples, rate, start }, reach, [from, to], width) {
  const [first, last] = [Math.floor((from - start) * rate), Math.ceil((to - start) * rate) + 1].map((at) => Math.min(Math.max(0, at), samples.length));
  const size = Math.max(1, Math.floor((last - first) / (2 * width)));
  const points = [];
  for (let at = first; at < last; at += size) {
    let [low, high] = [samples[at], samples[at]];
    for (let next = at + 1; next < Math.min(at + size, last); next++) {
      if (samples[next] < low) low = samples[next];
      else if (samples[next] > high) high = samples[next];
    }
    points.push([start + (at + (size - 1) / 2) / rate, low / reach, high / reach]);
  }
  return points;
}

// The axis ends at the amplitude `reach` of the scene; without a scene it has no labels.
function drawWave(pen, points, scene, area) {
  const { left, top, width, height, colour, x } = area;
  const y = (value) => top + height / 2 - value * (height / 2 - (scene ? 6 : 1));
  pen.fillStyle = colour.line;
  pen.fillRect(left, y(0), width, 1);
  for (const [value, text] of scene ? [[1, `${scene.reach}`], [0, "0"], [-1, `−${scene.reach}`]] : []) label(pen, text, area, y(value));
  pen.strokeStyle = pen.fillStyle = colour.accent;
  pen.lineWidth = 1;
  clipped(pen, area, () => {
    pen.beginPath();
    for (const [time, , high] of points) pen.lineTo(x(time), y(high));
    for (const [time, low] of points.toReversed()) pen.lineTo(x(time), y(low));
    pen.closePath();
    pen.fill();
    pen.stroke();
    if (!scene || points.length > width / 5) return;
    for (const [time, low] of points) { // mark single samples
      pen.beginPath();
      pen.arc(x(time), y(low), 2.5, 0, 7);
      pen.fill();
    }
  });
}

function drawLane(pen, lane, area) {
  const { left, top, width, x, colour } = area;
  const height = lane.height - 4;
  const names = lane.form === "predictions" ? lane.classes : [lane.name];
  const row = height / names.length;
  names.forEach((name, index) => label(pen, name, area, top + (index + 0.5) * row));
  clipped(pen, { left, top, width, height: height + 1 }, () => {
    if (lane.form === "beats") {
      pen.fillStyle = colour.ink;
      for (const time of lane.times) pen.fillRect(x(time) - 0.5, top, 1.5, height);
    } else if (lane.form === "segments") {
      lane.spans.forEach(([start, end], index) => {
        const [from, to] = [start, end].map((time) => Math.min(Math.max(left, x(time)), left + width));
        if (to <= from) return;
        pen.globalAlpha = 0.4;
        pen.fillStyle = lane.colours[index];
        pen.fillRect(from, top, Math.max(1, to - from - 1), height);
        pen.globalAlpha = 1;
        pen.fillStyle = colour.ink;
        pen.textAlign = "center";
        const text = lane.texts[index];
        if (pen.measureText(text).width < to - from - 2) pen.fillText(text, (from + to) / 2, top + height / 2 + 1);
      });
    } else {
      pen.fillStyle = colour.accent;
      lane.probabilities.forEach((shares, window) => {
        const [from, to] = [x(lane.edges[window]), x(lane.edges[window + 1])];
        shares.forEach((share, index) => {
          pen.globalAlpha = share;
          pen.fillRect(from, top + index * row, to - from, row - 1);
        });
      });
    }
  });
}

function drawTimes(pen, duration, area) {
  const { width, view: [from, to] } = area;
  const times = ticks(from, to, width / 70); // 70 pixels between labels
  const step = times.length > 1 ? times[1] - times[0] : to - from;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const [isShort, isLong] = [duration < 0.1, digits === 0 && to >= 600];
  const textOf = (time) => {
    if (!time) return "0";
    if (isLong) return clock(time, 100, duration).replace(/\.\d+$/, "");
    return isShort ? (1000 * time).toFixed(Math.max(0, digits - 3)) : time.toFixed(digits);
  };
  drawAcross(pen, times.map((time) => [time, textOf(time)]), isLong ? "time" : isShort ? "time (ms)" : "time (s)", area);
}

// Draws the marks of a horizontal axis, as [value, text], and its title.
function drawAcross(pen, marks, title, { left, top, width, x, colour }) {
  pen.textAlign = "center";
  for (const [value, text] of marks) {
    pen.fillStyle = colour.line;
    pen.fillRect(x(value), top, 1, 4);
    pen.fillStyle = colour.quiet;
    const half = Math.max(0, pen.measureText(text).width / 2 - 6); // keeps clear of the title at the left
    pen.fillText(text, Math.min(Math.max(x(value), value ? left + half : left), left + width - 12), top + 12);
  }
  pen.textAlign = "right";
  pen.fillText(title, left - 10, top + 12);
}

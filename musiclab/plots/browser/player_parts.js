// The parts of the Player's picture: formatted values, and functions that draw on a canvas. Loaded before player.js.

const LEFT = 62; // CSS pixels left of the time axis, for labels
const RIGHT = 10;
const AXIS = 20; // height of the time axis

// Formatting

function clock(time, duration) {
  if (duration < 1) return `${(1000 * time).toFixed(duration < 0.1 ? 2 : 0)} ms`;
  if (duration < 60) return `${time.toFixed(2)} s`;
  const minutes = Math.floor(time / 60);
  return `${minutes}:${(time - 60 * minutes).toFixed(1).padStart(4, "0")}`;
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

// Canvas

// Prepares a canvas for drawing. Returns its context, and the position of the time axis with the colours of the page.
function laidOut(canvas, height, duration) {
  const [pen, wide] = sharpened(canvas, height);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const width = Math.max(1, wide - LEFT - RIGHT);
  const colour = coloursOf(canvas, "ink", "quiet", "line", "accent");
  return [pen, { left: LEFT, width, colour, x: (time) => LEFT + (time / duration) * width }];
}

function label(pen, text, { left, colour }, y) {
  pen.fillStyle = colour.quiet;
  pen.textAlign = "right";
  pen.fillText(text, left - 6, y, left - 8);
}

// Returns the colour of each of the 256 levels. The colour map spans the levels from `quietest` to `loudest`.
function coloursOfLevels(map, { floor, step, range: [quietest, loudest] }) {
  return Uint8Array.from({ length: 3 * 256 }, (_, area) => {
    const level = floor + step * Math.floor(area / 3);
    const share = Math.min(Math.max(0, (level - quietest) / (loudest - quietest)), 1);
    return map.getUint8(3 * Math.round(255 * share) + (area % 3));
  });
}

function drawLevels(pen, image, { edges, rows, columnSeconds }, area) {
  const { left, top, width, height, x, colour } = area;
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  const [start, end] = [x(-columnSeconds / 2), x((image.width - 0.5) * columnSeconds)];
  pen.imageSmoothingEnabled = end - start < image.width; // smooth only cells that are smaller than pixels
  pen.drawImage(image, start, top, end - start, height);
  pen.restore();
  for (const mark of [100, 500, 1000, 2000, 4000, 8000, 16000]) {
    if (mark > edges.at(-1)) break;
    const y = top + height * (1 - bandOf(edges, mark) / rows);
    if (y < top + 6 || !(y < top + height - 4)) continue;
    label(pen, mark < 1000 ? `${mark} Hz` : `${mark / 1000} kHz`, area, y);
    pen.fillStyle = colour.line;
    pen.fillRect(left - 4, y, 4, 1);
  }
}

function drawWave(pen, outline, { reach }, area) {
  const { left, top, width, height, colour } = area;
  const columns = outline.byteLength / 2;
  const y = (value) => top + height / 2 - (value / 127) * (height / 2 - 6);
  const x = (column) => left + ((column + 0.5) / columns) * width;
  pen.fillStyle = colour.line;
  pen.fillRect(left, y(0), width, 1);
  for (const [value, text] of [[127, `${reach}`], [0, "0"], [-127, `−${reach}`]]) label(pen, text, area, y(value));
  pen.strokeStyle = pen.fillStyle = colour.accent;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let column = 0; column < columns; column++) pen.lineTo(x(column), y(outline.getInt8(2 * column + 1)));
  for (let column = columns - 1; column >= 0; column--) pen.lineTo(x(column), y(outline.getInt8(2 * column)));
  pen.closePath();
  pen.fill();
  pen.stroke();
  if (columns < 200) { // mark single samples
    for (let column = 0; column < columns; column++) {
      pen.beginPath();
      pen.arc(x(column), y(outline.getInt8(2 * column)), 2, 0, 7);
      pen.fill();
    }
  }
}

function drawLane(pen, lane, area) {
  const { left, top, width, x, colour } = area;
  const height = lane.height - 4;
  if (lane.form !== "predictions") label(pen, lane.name, area, top + height / 2);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height + 1);
  pen.clip();
  if (lane.form === "beats") {
    pen.fillStyle = colour.ink;
    for (const time of lane.times) pen.fillRect(x(time) - 0.5, top, 1.5, height);
  } else if (lane.form === "segments") {
    lane.spans.forEach(([start, end], index) => {
      const [from, to] = [x(start), x(end)];
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
    const row = height / lane.classes.length;
    pen.fillStyle = colour.accent;
    lane.probabilities.forEach((shares, window) => {
      const [from, to] = [x(lane.edges[window]), x(lane.edges[window + 1])];
      shares.forEach((share, index) => {
        pen.globalAlpha = share;
        pen.fillRect(from, top + index * row, to - from, row - 1);
      });
    });
  }
  pen.restore();
  if (lane.form === "predictions") {
    lane.classes.forEach((name, index) => label(pen, name, area, top + ((index + 0.5) * height) / lane.classes.length));
  }
}

function drawTimes(pen, duration, { left, top, width, x, colour }) {
  const times = ticks(0, duration, width / 70); // 70 pixels between labels
  const digits = Math.max(0, -Math.floor(Math.log10(times[1] ?? duration) + 1e-9));
  pen.textAlign = "center";
  for (const time of times) {
    pen.fillStyle = colour.line;
    pen.fillRect(x(time), top, 1, 4);
    pen.fillStyle = colour.quiet;
    const text = duration < 0.1 ? (1000 * time).toFixed(Math.max(0, digits - 3)) : time.toFixed(digits);
    pen.fillText(time ? text : "0", Math.min(x(time), left + width - 12), top + 12);
  }
  pen.textAlign = "right";
  pen.fillText(duration < 0.1 ? "time (ms)" : "time (s)", left - 10, top + 12);
}


// Drawing tools of the widgets: page colours, sharp canvases, axis ticks, and images with one byte per cell.

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const pixelsOf = (view) => new Uint32Array(bytesOf(view).slice().buffer); // of RGBA values

// Returns the named colours of the widget in a form that a canvas understands. CSS resolves them, because a canvas can't
// evaluate CanvasText or light-dark().
function coloursOf(canvas, ...names) {
  const colours = {};
  for (const name of names) {
    canvas.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(canvas).color;
  }
  canvas.style.color = "";
  return colours;
}

// Returns a function that calls `act` before the next picture of the screen, once, however often it is called until then.
function beforeFrame(act) {
  let waiting = null;
  return () => { waiting ??= requestAnimationFrame(() => { waiting = null; act(); }); };
}

// Calls `changed` when an element gets its first or another size, and when the reader switches between light and dark.
// Returns a function that stops it. JupyterLab hides the page while it changes the theme and then sets an attribute of the
// body, so we wait for the next frame. VS Code changes a class.
function followPage(node, changed) {
  const soon = beforeFrame(changed);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(() => { soon(); setTimeout(soon, 200); }); // once more, because light-dark() can be late
  const names = ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-id", "data-theme", "class"];
  observer.observe(document.body, { attributes: true, attributeFilter: names });
  system.addEventListener("change", soon);
  const resized = new ResizeObserver(soon);
  resized.observe(node);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", soon);
    resized.disconnect();
  };
}

// Gives a canvas the resolution of the screen. Returns its context, in which one unit is a CSS pixel, and its width.
function sharpened(canvas, height) {
  const width = Math.max(1, canvas.clientWidth);
  const sharpness = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * sharpness);
  canvas.height = Math.round(height * sharpness);
  const context = canvas.getContext("2d");
  context.scale(sharpness, sharpness);
  return [context, width];
}

const peakOf = (samples) => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-4);

// Returns the next of ..., 0.5, 1, 2, 5, 10, ...
function roundedUp(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= number * 0.999);
}

// Returns at most `most` round numbers between `low` and `high`.
function ticks(low, high, most) {
  const step = roundedUp((high - low) / Math.max(1, most));
  const numbers = [];
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + 1e-9 * step; count++) numbers.push(count * step);
  return numbers;
}

// Index of the last number that is not above `value` in a sorted list, or -1.
const lastBelow = (numbers, value) => numbers.findLastIndex((number) => number <= value);

// Converts a frequency to a position among the mel bands; the peak of band i is at i + 0.5.
function bandOf(edges, hertz) {
  const below = Math.min(lastBelow(edges, hertz), edges.length - 2);
  return below < 0 ? -0.5 : below + (hertz - edges[below]) / (edges[below + 1] - edges[below]) - 0.5;
}

// Turns bytes, lowest row first, into an image canvas, with a colour map of 256 pixels.
function imageOf(cells, rows, columns, colours) {
  const picture = element("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
  if (!rows || !columns) return picture;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) {
    const from = (rows - 1 - row) * columns;
    for (let column = 0; column < columns; column++) pixels[row * columns + column] = colours[cells[from + column]];
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

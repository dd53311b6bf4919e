// What the pictures of the widgets share: elements, theme, ticks, axes, and images of one byte a cell.
// Python puts this text before a widget's own script, so that nothing is loaded from anywhere.

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && name !== "role") node[name] = value;
    else node.setAttribute(name, value);
  }
  // JupyterLab takes arrow keys from whatever has the focus, unless that element itself says that they are its own
  if (node.matches("input, select, button, [tabindex]")) node.dataset.lmSuppressShortcuts = "true";
  node.append(...children);
  return node;
}

const uniqueId = () => `musiclab-${Math.random().toString(36).slice(2)}`; // labels refer to their control by it

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const numbersOf = (view, Kind) => new Kind(bytesOf(view).slice().buffer); // copied: a view may begin anywhere

// A canvas knows the theme by its own CSS: color for text, border-top-color for lines, caret-color for marks.
function themeOf(canvas) {
  const style = getComputedStyle(canvas);
  return { text: style.color, line: style.borderTopColor, mark: style.caretColor };
}

// Calls back when the reader changes between light and dark; returns how to stop that. JupyterLab hides the page while
// it changes its theme, and names the new one on the body: in the next frame all is there again.
function followTheme(changed) {
  const soon = () => requestAnimationFrame(changed);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(soon);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  system.addEventListener("change", soon);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", soon);
  };
}

// Makes a canvas as sharp as the screen; gives its context, where one unit is a CSS pixel, and its width.
function prepared(canvas, height) {
  const width = Math.max(1, canvas.clientWidth);
  const sharpness = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * sharpness);
  canvas.height = Math.round(height * sharpness);
  const context = canvas.getContext("2d");
  context.scale(sharpness, sharpness);
  return [context, width];
}

// Round numbers between two, at most so many.
function ticks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + 1e-9 * step; count++) found.push(count * step);
  return found;
}

function written(number) {
  const size = Math.abs(number);
  const digits = size >= 100 || size < 1e-9 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return Number(number.toFixed(digits)).toLocaleString("en-GB", { maximumFractionDigits: 4 }).replace("-", "−");
}

// The frame of a picture: box {left, top, width, height} in pixels; x and y are {low, high, label, at}, where at is a
// list of [place, text].
function drawAxes(context, box, x, y, theme) {
  const right = box.left + box.width, bottom = box.top + box.height;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.text;
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [place, text] of x.at) {
    const across = box.left + ((place - x.low) / (x.high - x.low)) * box.width;
    context.fillRect(across, bottom, 1, 3);
    context.fillText(text, across, bottom + 5);
  }
  if (x.label) context.fillText(x.label, box.left + box.width / 2, bottom + 18);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [place, text] of y.at) {
    const down = bottom - ((place - y.low) / (y.high - y.low)) * box.height;
    context.fillRect(box.left - 4, down, 3, 1);
    context.fillText(text, box.left - 6, down);
  }
  if (y.label) {
    context.save();
    context.translate(9, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(y.label, 0, 0);
    context.restore();
  }
  return [right, bottom];
}

// Bytes, the lowest row first, through a colour map of 256 times red, green, blue; as something that can be drawn.
function imageOf(cells, rows, columns, colours) {
  const picture = make("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
  if (!rows || !columns) return picture;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const table = new Uint32Array(256);
  new Uint8Array(table.buffer).forEach((_, place, all) => {
    all[place] = place % 4 === 3 ? 255 : colours[3 * (place >> 2) + (place % 4)];
  });
  for (let row = 0; row < rows; row++) {
    const from = (rows - 1 - row) * columns;
    for (let column = 0; column < columns; column++) pixels[row * columns + column] = table[cells[from + column]];
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

// A colour bar to the right of a box, with its unit and its ends.
function drawBar(context, box, colours, low, high, unit, theme) {
  const left = box.left + box.width + 8;
  for (let row = 0; row < box.height; row++) {
    const level = 3 * Math.round(255 * (1 - row / Math.max(1, box.height - 1)));
    context.fillStyle = `rgb(${colours[level]}, ${colours[level + 1]}, ${colours[level + 2]})`;
    context.fillRect(left, box.top + row, 9, 1.5);
  }
  context.fillStyle = theme.text;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(written(high), left + 12, box.top);
  context.textBaseline = "bottom";
  context.fillText(written(low), left + 12, box.top + box.height);
  context.textBaseline = "middle";
  context.fillText(unit, left + 12, box.top + box.height / 2);
}


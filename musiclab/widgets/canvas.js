// What the widgets draw with: the colours of the page, canvases as sharp as the screen, ticks, and images of a byte a cell.

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

// The widget's colours of these names, as a canvas takes them. CSS works them out, for a canvas does not know what
// CanvasText or light-dark() are on this page; they are then what the page's own text has.
function coloursOf(canvas, ...names) {
  const colours = {};
  for (const name of names) {
    canvas.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(canvas).color;
  }
  canvas.style.color = "";
  return colours;
}

// Calls back when an element has another width (the first one, too), and when the reader changes between light and dark;
// returns how to stop that. JupyterLab hides the page while it changes its theme, and names the new one on the body: in
// the next frame all is there again. VS Code changes a class. Drawing sets the height, which must not call again.
function followPage(node, changed) {
  const soon = () => requestAnimationFrame(changed);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(soon);
  const names = ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-id", "class"];
  observer.observe(document.body, { attributes: true, attributeFilter: names });
  system.addEventListener("change", soon);
  let width = 0;
  const resized = new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    soon();
  });
  resized.observe(node);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", soon);
    resized.disconnect();
  };
}

// Makes a canvas as sharp as the screen; gives its context, where one unit is a CSS pixel, and its width.
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

// Writes a text from below to above, centred on a point.
function upright(context, text, x, y, width) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(text, 0, 0, width);
  context.restore();
}

// Round numbers between two, at most so many.
function ticks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const numbers = [];
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + 1e-9 * step; count++) numbers.push(count * step);
  return numbers;
}

// Index of the last of rising numbers that is not above `value`, -1 if all are.
const lastBelow = (numbers, value) => numbers.findLastIndex((number) => number <= value);

// Where a frequency lies among mel bands, counted from the lower edge of the first: a band has its peak in its middle,
// half a step above its lower edge.
function bandOf(edges, hertz) {
  const below = Math.min(lastBelow(edges, hertz), edges.length - 2);
  return below < 0 ? -0.5 : below + (hertz - edges[below]) / (edges[below + 1] - edges[below]) - 0.5;
}

// Bytes, the lowest row first, through a colour map of 256 times red, green, blue; as something that can be drawn.
function imageOf(cells, rows, columns, colours) {
  const picture = element("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
  if (!rows || !columns) return picture;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const table = new Uint32Array(256);
  new Uint8Array(table.buffer).forEach((_, index, all) => {
    all[index] = index % 4 === 3 ? 255 : colours[3 * (index >> 2) + (index % 4)];
  });
  for (let row = 0; row < rows; row++) {
    const from = (rows - 1 - row) * columns;
    for (let column = 0; column < columns; column++) pixels[row * columns + column] = table[cells[from + column]];
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

// A scatter plot of clips that can be zoomed and moved. Traits: `points` (float32, x and y of each point from 0 to 1, y upwards), `colour_of` (uint8,
// index of each point in `legend` and `colours`), `texts`, `axes`, `chosen`, `method`, `colour`. Sends Python {choose: index, play: bool}.

const MOST_ZOOM = 40;
const MARGIN = 26; // CSS pixels around the points, for the axis labels
const NEAR = 14; // largest distance in CSS pixels at which the pointer selects a point
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// A circle, square, triangle, diamond and inverted triangle of about radius 1. Together with ten colours, they distinguish
// all classes, also in greyscale.
const SHAPES = [
  "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z", "M-.9-.9H.9V.9H-.9Z", "M0-1.15 1.1.85H-1.1Z", "M0-1.25 1.25 0 0 1.25-1.25 0Z", "M0 1.15 1.1-.85H-1.1Z",
].map((path) => new Path2D(path));

function mark(brush, x, y, shape, radius) {
  const path = new Path2D();
  path.addPath(SHAPES[shape % SHAPES.length], new DOMMatrix([radius, 0, 0, radius, x, y]));
  brush.fill(path);
  brush.stroke(path);
}

function render({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips", "musiclab-map");
  const choices = model.get("choices");
  const [grid, , stopUpdating] = controls(model, [
    { name: "method", title: "projection", options: choices.method },
    { name: "colour", title: "colours", options: choices.colour },
  ], () => asked());
  const canvas = element("canvas", { tabindex: "0", role: "application" });
  const tip = element("p", { class: "musiclab-tip musiclab-quiet", "aria-live": "polite" });
  const legend = element("ul", { "aria-label": "Legend. Press a button to highlight one colour." });
  el.append(grid, canvas, tip, legend);
  const [asked, answers] = awaitAnswers(model, el);

  let view = { zoom: 1, x: 0.5, y: 0.5 }; // what is in the middle of the canvas
  let scale = 1; // CSS pixels per unit
  let dragged = null; // where the pointer was pressed or last moved, and whether it moved far enough to be no click
  let points = []; // [x, y] of each point in CSS pixels
  let pointed = -1; // the point under the pointer
  let cursor = model.get("chosen"); // the point from which the arrow keys move
  let only = -1; // the highlighted colour
  let telling = 0; // a timer that tells Python where the arrow keys have stopped

  const text = (point) => model.get("texts")[point] ?? "";

  // The palette is made for a white page. On a dark page, we mix every colour with white.
  function palette() {
    const [red, green, blue] = coloursOf(canvas, "page").page.match(/[\d.]+/g);
    const isDark = Number(red) + Number(green) + Number(blue) < 380;
    return model.get("colours").map((colour) => (isDark ? `color-mix(in srgb, ${colour}, white 35%)` : colour));
  }

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(460, 0.65 * width));
    const [brush] = sharpened(canvas, height);
    const bytes = model.get("points");
    const [wide, high] = model.get("extent");
    scale = view.zoom * Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high);
    points = Array.from({ length: bytes.byteLength / 8 }, (_, point) => [
      width / 2 + scale * (bytes.getFloat32(8 * point, true) - view.x),
      height / 2 - scale * (bytes.getFloat32(8 * point + 4, true) - view.y),
    ]);
    const { ink, page, quiet, accent } = coloursOf(canvas, "ink", "page", "quiet", "accent");
    const [right, up] = model.get("axes").map((text, axis) => (text.includes("component") ? `${text} ${"→↑"[axis]}` : text));
    brush.fillStyle = quiet;
    brush.font = "12px system-ui, sans-serif";
    brush.textAlign = "center";
    brush.fillText(right, width / 2, height - 8, width - 20);
    brush.textAlign = "left";
    brush.fillText(up, 8, 16, width - 20);
    const colours = palette();
    const colourOf = bytesOf(model.get("colour_of"));
    const grey = colours.length - 1;
    const order = [...points.keys()].sort((a, b) => (colourOf[b] === grey) - (colourOf[a] === grey)); // grey points below
    brush.strokeStyle = page;
    brush.lineWidth = 0.75;
    for (const point of order) {
      brush.globalAlpha = only < 0 || only === colourOf[point] ? 0.9 : 0.12;
      brush.fillStyle = colours[colourOf[point]];
      mark(brush, ...points[point], colourOf[point], 4.5);
    }
    brush.globalAlpha = 1;
    const ring = (point, colour, radius) => {
      if (!points[point]) return;
      brush.strokeStyle = colour;
      brush.lineWidth = 2;
      brush.beginPath();
      brush.arc(...points[point], radius, 0, 2 * Math.PI);
      brush.stroke();
    };
    ring(pointed, quiet, 8);
    ring(model.get("chosen"), ink, 9);
    if (cursor !== model.get("chosen")) ring(cursor, accent, 9);
    canvas.setAttribute("aria-label", `Map of ${points.length} clips. Arrow keys: go to the nearest point. Enter: play it. Plus, minus, 0: zoom.`);
  }

  function list() {
    const colours = palette();
    const buttons = model.get("legend").map((name, colour) => {
      const swatch = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
      const brush = swatch.getContext("2d");
      brush.fillStyle = colours[colour];
      brush.strokeStyle = "transparent";
      mark(brush, 14, 14, colour, 9);
      const button = element("button", { type: "button", "aria-pressed": String(only === colour) }, swatch, name);
      button.onclick = () => {
        only = only === colour ? -1 : colour;
        buttons.forEach((other, index) => other.setAttribute("aria-pressed", String(only === index)));
        draw();
      };
      return button;
    });
    legend.replaceChildren(...buttons.map((button) => element("li", {}, button)));
  }

  function nearest([x, y]) {
    const distances = points.map(([right, down]) => Math.hypot(right - x, down - y));
    const point = distances.indexOf(Math.min(...distances));
    return distances[point] < NEAR ? point : -1;
  }

  // Finds the nearest point within 45 degrees of a direction.
  function towards(from, [right, down]) {
    if (!points[from]) return 0;
    let [best, least] = [from, Infinity];
    points.forEach(([x, y], point) => {
      const [dx, dy] = [x - points[from][0], y - points[from][1]];
      const along = dx * right + dy * down;
      const across = Math.abs(dx * down) + Math.abs(dy * right);
      const distance = along + 2 * across; // prefer points straight ahead
      if (along > 0.01 && across <= along && distance < least) [best, least] = [point, distance];
    });
    return best;
  }

  // Zooms, with what is at [x, y] staying there.
  function zoom(factor, [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2]) {
    const most = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
    const [right, up] = [x - canvas.clientWidth / 2, canvas.clientHeight / 2 - y];
    const change = (1 - view.zoom / most) / scale;
    view = most === 1 ? { zoom: 1, x: 0.5, y: 0.5 } : { zoom: most, x: view.x + right * change, y: view.y + up * change };
    draw();
  }

  function go(point) {
    cursor = point;
    tip.textContent = text(point);
    draw();
    const [x, y] = points[point] ?? [0, 0];
    if (view.zoom === 1 || (x > 0 && x < canvas.clientWidth && y > 0 && y < canvas.clientHeight)) return;
    Object.assign(view, { x: view.x + (x - canvas.clientWidth / 2) / scale, y: view.y - (y - canvas.clientHeight / 2) / scale });
    draw();
  }

  function choose(point, play) {
    clearTimeout(telling);
    model.send({ choose: point, play });
    asked();
    go(point);
  }

  canvas.onpointerdown = ({ offsetX: x, offsetY: y, pointerType, pointerId }) => {
    dragged = pointerType === "touch" ? null : { x, y, isFar: false }; // a finger scrolls the page
    if (dragged) canvas.setPointerCapture(pointerId);
  };
  canvas.onpointermove = ({ offsetX: x, offsetY: y, buttons }) => {
    if (dragged && buttons && (dragged.isFar || Math.hypot(x - dragged.x, y - dragged.y) > 4)) {
      view = { ...view, x: view.x - (x - dragged.x) / scale, y: view.y + (y - dragged.y) / scale };
      dragged = { x, y, isFar: true };
      return draw();
    }
    const point = nearest([x, y]);
    tip.textContent = text(point);
    if (point !== pointed) {
      pointed = point;
      draw();
    }
  };
  canvas.onpointerleave = () => { tip.textContent = ""; pointed = -1; draw(); };
  canvas.onclick = ({ offsetX, offsetY }) => {
    const point = nearest([offsetX, offsetY]);
    if (point >= 0 && !dragged?.isFar) choose(point, false);
  };
  // the wheel scrolls the page, unless the map has the focus or Ctrl is pressed
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(2 ** (-event.deltaY / 300), [event.offsetX, event.offsetY]);
  }, { passive: false });
  canvas.onkeydown = (event) => {
    const last = points.length - 1;
    const steps = { PageDown: Math.min(last, cursor + 1), PageUp: Math.max(0, cursor - 1), Home: 0, End: last };
    const zooms = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 };
    if (event.key in zooms) zoom(zooms[event.key], points[cursor]); // the point stays where it is
    else if (event.key === "Enter" || event.key === " ") choose(Math.max(0, cursor), true);
    else if (event.key in DIRECTIONS || event.key in steps) {
      go(steps[event.key] ?? towards(cursor, DIRECTIONS[event.key]));
      clearTimeout(telling);
      telling = setTimeout(() => choose(cursor, false), 150); // load only the clip at which the reader stops
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const changed = () => { list(); draw(); };
  const stopListening = listen(model, {
    ...answers,
    "change:legend change:colour_of": changed,
    "change:chosen": () => go(model.get("chosen")),
    "change:points": () => zoom(0),
  });
  const stopFollowing = followPage(canvas, changed);
  return () => { clearTimeout(telling); stopListening(); stopUpdating(); stopFollowing(); };
}

export default { render };

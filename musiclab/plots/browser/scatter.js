// A scatter plot of clips. Traits: `points` (float32, x and y of each point from 0 to 1, y upwards), `colour_of` (uint8,
// index of each point in `legend` and `colours`), `texts`, `axes`, `chosen`. Sends Python {choose: index, play: bool}.

const MARGIN = 26; // CSS pixels around the points, for the axis labels
const NEAR = 14; // largest distance in CSS pixels at which the pointer selects a point
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Draws a circle, square, triangle, diamond or inverted triangle. Together with ten colours, the shapes distinguish all
// classes, also in greyscale.
function mark(brush, x, y, shape, radius) {
  brush.beginPath();
  const corners = [
    null,
    [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
    [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  ][shape % 5];
  if (corners) for (const [right, down] of corners) brush.lineTo(x + right * radius, y + down * radius);
  else brush.arc(x, y, radius, 0, 2 * Math.PI);
  brush.closePath();
  brush.fill();
  brush.stroke();
}

function render({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips", "musiclab-map");
  const canvas = element("canvas", { tabindex: "0", role: "application" });
  const tip = element("div", { class: "musiclab-tip", hidden: true });
  const spoken = element("p", { "aria-live": "polite" });
  const legend = element("ul", { "aria-label": "Legend. Press a button to highlight one colour." });
  el.append(canvas, tip, legend, spoken);

  let points = []; // [x, y] of each point in CSS pixels
  let pointed = -1; // the point under the pointer
  let cursor = model.get("chosen"); // the point from which the arrow keys move
  let only = -1; // the highlighted colour
  let telling = 0; // a timer that tells Python where the arrow keys have stopped

  const text = (point) => model.get("texts")[point] ?? "";

  // The palette is made for a white page. On a dark page, we mix every colour with white.
  function palette() {
    const isDark = coloursOf(canvas, "on-accent")["on-accent"] !== "rgb(255, 255, 255)";
    return model.get("colours").map((colour) => (isDark ? `color-mix(in srgb, ${colour}, white 35%)` : colour));
  }

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(460, 0.65 * width));
    const [brush] = sharpened(canvas, height);
    const bytes = model.get("points");
    const [wide, high] = model.get("extent");
    const scale = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high);
    points = Array.from({ length: bytes.byteLength / 8 }, (_, point) => [
      width / 2 + scale * (bytes.getFloat32(8 * point, true) - 0.5),
      height / 2 - scale * (bytes.getFloat32(8 * point + 4, true) - 0.5),
    ]);
    const { ink, page, quiet, accent } = coloursOf(canvas, "ink", "page", "quiet", "accent");
    const [right, up] = model.get("axes");
    brush.fillStyle = quiet;
    brush.font = "12px system-ui, sans-serif";
    brush.textAlign = "center";
    brush.fillText(`${right} →`, width / 2, height - 8, width - 20);
    upright(brush, `${up} →`, 16, height / 2, height - 20);
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
    canvas.setAttribute("aria-label", `Map of ${points.length} clips. Arrow keys: go to the nearest point. Enter: play it.`);
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

  function go(point) {
    cursor = point;
    spoken.textContent = text(point);
    draw();
  }

  function choose(point, play) {
    clearTimeout(telling);
    model.send({ choose: point, play });
    go(point);
  }

  canvas.onpointermove = ({ offsetX: x, offsetY: y }) => {
    const point = nearest([x, y]);
    tip.hidden = point < 0;
    tip.textContent = text(point);
    const isRight = x > canvas.clientWidth / 2;
    tip.style.cssText = `top: ${y + 12}px; ${isRight ? `right: ${canvas.clientWidth - x + 8}px` : `left: ${x + 12}px`}`;
    if (point !== pointed) {
      pointed = point;
      draw();
    }
  };
  canvas.onpointerleave = () => {
    tip.hidden = true;
    pointed = -1;
    draw();
  };
  canvas.onclick = ({ offsetX, offsetY }) => {
    const point = nearest([offsetX, offsetY]);
    if (point >= 0) choose(point, true);
  };
  canvas.onkeydown = (event) => {
    const last = points.length - 1;
    const steps = { PageDown: Math.min(last, cursor + 1), PageUp: Math.max(0, cursor - 1), Home: 0, End: last };
    if (event.key === "Enter" || event.key === " ") choose(Math.max(0, cursor), true);
    else if (event.key in DIRECTIONS || event.key in steps) {
      go(steps[event.key] ?? towards(cursor, DIRECTIONS[event.key]));
      clearTimeout(telling);
      telling = setTimeout(() => choose(cursor, false), 150); // load only the clip at which the reader stops
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const changed = () => {
    list();
    draw();
  };
  const stopListening = listen(model, {
    "change:legend change:colour_of": changed,
    "change:chosen": () => go(model.get("chosen")),
  });
  const stopFollowing = followPage(canvas, changed);
  return () => {
    clearTimeout(telling);
    stopListening();
    stopFollowing();
  };
}

export default { render };

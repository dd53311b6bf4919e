// Points of clips: `points` (float32, x and y of each, in 0 to 1, y upwards), `kinds` (uint8, the place of each in the
// legend), `view` (texts, legend, colours, axes), `chosen`. Tells Python {choose: number, hear: bool}.

const MARGIN = 26; // CSS pixels around the points, for the names of the axes
const NEAR = 14; // so far from a point the pointer still means it
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Circle, square, triangle, diamond, triangle on its point: with ten colours no two kinds look alike, in grey neither.
function mark(brush, x, y, kind, radius) {
  brush.beginPath();
  const r = radius;
  const corners = [
    null,
    [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
    [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  ][kind % 5];
  if (corners) corners.forEach(([right, down], i) => brush[i ? "lineTo" : "moveTo"](x + right * r, y + down * r));
  else brush.arc(x, y, r, 0, 2 * Math.PI);
  brush.closePath();
  brush.fill();
  brush.stroke();
}

// The palette is made for white; on a dark page every colour is mixed with white.
function lighter(colour, share) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgb(${parts.map((part) => Math.round(part + (255 - part) * share)).join(" ")})`;
}

function render({ model, el }) {
  el.classList.add("musiclab-clips", "musiclab-map");
  const canvas = element("canvas", { tabindex: "0", role: "application" });
  const tip = element("div", { class: "musiclab-tip", hidden: true });
  const said = element("p", { "aria-live": "polite", class: "musiclab-said" });
  const legend = element("ul", { "aria-label": "legend; a button brings out one kind" });
  el.append(canvas, tip, legend, said);

  let places = []; // of the points, [x, y] in CSS pixels
  let pointed = -1; // the point under the pointer
  let cursor = model.get("chosen"); // the point that the arrow keys start from
  let only = -1; // the kind that is brought out
  let telling = 0; // a timer: Python is told where the arrow keys have come to rest

  const kinds = () => bytesOf(model.get("kinds"));
  const isDark = () => getComputedStyle(el).getPropertyValue("--on-accent").trim() !== "#ffffff";
  const text = (number) => model.get("view").texts?.[number] ?? "";

  function lay(width, height) {
    const bytes = model.get("points");
    const [wide, high] = model.get("view").extent;
    const scale = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high);
    places = Array.from({ length: bytes.byteLength / 8 }, (_, number) => [
      width / 2 + scale * (bytes.getFloat32(8 * number, true) - 0.5),
      height / 2 - scale * (bytes.getFloat32(8 * number + 4, true) - 0.5),
    ]);
  }

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(460, 0.65 * width));
    const [brush] = sharpened(canvas, height);
    lay(width, height);
    const { ink, page, quiet, focus } = coloursOf(canvas, "ink", "page", "quiet", "focus");
    const dark = isDark();
    brush.fillStyle = quiet;
    brush.font = "12px system-ui, sans-serif";
    const view = model.get("view");
    if (view.axes) {
      brush.textAlign = "center";
      brush.fillText(`${view.axes[0]} →`, width / 2, height - 8, width - 20);
      brush.save();
      brush.rotate(-Math.PI / 2);
      brush.fillText(`${view.axes[1]} →`, -height / 2, 16, height - 20);
      brush.restore();
    }
    const all = kinds();
    const grey = (view.colours?.length ?? 1) - 1;
    const order = [...places.keys()].sort((a, b) => (all[b] === grey) - (all[a] === grey)); // grey ones first, below
    for (const number of order) {
      const colour = view.colours?.[Math.min(all[number], grey)] ?? "#9a9aa2";
      brush.globalAlpha = only < 0 || only === all[number] ? 0.9 : 0.12;
      brush.fillStyle = dark ? lighter(colour, 0.35) : colour;
      brush.strokeStyle = page;
      brush.lineWidth = 0.75;
      mark(brush, ...places[number], all[number], 4.5);
    }
    brush.globalAlpha = 1;
    const ring = (number, colour, radius) => {
      if (!places[number]) return;
      brush.strokeStyle = colour;
      brush.lineWidth = 2;
      brush.beginPath();
      brush.arc(...places[number], radius, 0, 2 * Math.PI);
      brush.stroke();
    };
    ring(pointed, quiet, 8);
    ring(model.get("chosen"), ink, 9);
    if (cursor !== model.get("chosen")) ring(cursor, focus, 9);
    canvas.setAttribute("aria-label", `Map of ${places.length} clips. Arrow keys: nearest point. Enter: hear it.`);
  }

  function list() {
    const view = model.get("view");
    const dark = isDark();
    const items = (view.legend ?? []).map((name, kind) => {
      const swatch = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
      const brush = swatch.getContext("2d");
      const colour = view.colours[Math.min(kind, view.colours.length - 1)];
      brush.fillStyle = dark ? lighter(colour, 0.35) : colour;
      brush.strokeStyle = "transparent";
      mark(brush, 14, 14, kind, 9);
      const button = element("button", { type: "button", "aria-pressed": String(only === kind) }, swatch, name);
      button.onclick = () => {
        only = only === kind ? -1 : kind;
        for (const [place, other] of [...legend.querySelectorAll("button")].entries())
          other.setAttribute("aria-pressed", String(only === place));
        draw();
      };
      return element("li", {}, button);
    });
    legend.replaceChildren(...items);
  }

  function nearest(x, y) {
    let [best, least] = [-1, NEAR * NEAR];
    places.forEach(([right, down], number) => {
      const distance = (right - x) ** 2 + (down - y) ** 2;
      if (distance < least) [best, least] = [number, distance];
    });
    return best;
  }

  // The nearest point within 45 degrees of a direction.
  function towards(from, [right, down]) {
    if (!places[from]) return 0;
    let [best, least] = [from, Infinity];
    places.forEach(([x, y], number) => {
      const [dx, dy] = [x - places[from][0], y - places[from][1]];
      const along = dx * right + dy * down;
      const across = Math.abs(dx * down) + Math.abs(dy * right);
      const distance = along + 2 * across; // straight on before aslant
      if (along > 0.01 && across <= along && distance < least) [best, least] = [number, distance];
    });
    return best;
  }

  function choose(number, hear) {
    clearTimeout(telling);
    cursor = number;
    model.send({ choose: number, hear });
    said.textContent = text(number);
    draw();
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  canvas.onpointermove = (event) => {
    const [x, y] = place(event);
    const number = nearest(x, y);
    tip.hidden = number < 0;
    if (number >= 0) {
      tip.textContent = text(number);
      const left = x > canvas.clientWidth / 2;
      tip.style.cssText = `top: ${y + 12}px; ${left ? `right: ${canvas.clientWidth - x + 8}px` : `left: ${x + 12}px`}`;
    }
    if (number !== pointed) {
      pointed = number;
      draw();
    }
  };
  canvas.onpointerleave = () => {
    tip.hidden = true;
    pointed = -1;
    draw();
  };
  canvas.onclick = (event) => {
    const number = nearest(...place(event));
    if (number >= 0) choose(number, true);
  };
  canvas.onkeydown = (event) => {
    const count = places.length;
    const steps = { PageDown: cursor + 1, PageUp: cursor - 1, Home: 0, End: count - 1 };
    if (event.key in DIRECTIONS) cursor = towards(cursor, DIRECTIONS[event.key]);
    else if (event.key in steps) cursor = Math.min(count - 1, Math.max(0, steps[event.key]));
    else if (event.key === "Enter" || event.key === " ") choose(Math.max(0, cursor), true);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter" || event.key === " ") return;
    said.textContent = text(cursor);
    draw();
    clearTimeout(telling);
    const number = cursor;
    telling = setTimeout(() => choose(number, false), 150); // a clip is loaded where one stays, not on the way there
  };

  const changed = () => {
    list();
    draw();
  };
  const moved = () => {
    cursor = model.get("chosen");
    said.textContent = text(cursor);
    draw();
  };
  model.on("change:view change:kinds", changed);
  model.on("change:chosen", moved);
  let wide = 0; // in the next frame, and only for another width: drawing sets the height, which would call again
  const size = new ResizeObserver(() =>
    requestAnimationFrame(() => {
      if (canvas.clientWidth !== wide) changed();
      wide = canvas.clientWidth;
    }),
  );
  size.observe(canvas);
  const stopTheme = followTheme(changed);
  return () => {
    clearTimeout(telling);
    model.off("change:view change:kinds", changed);
    model.off("change:chosen", moved);
    size.disconnect();
    stopTheme();
  };
}

export default { render };

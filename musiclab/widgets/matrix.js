// A confusion matrix of buttons: draws the trait `view`, and tells Python which cell is opened: {open: [true, predicted]}.
// One cell is in the tab order; the arrow keys, Home and End go on from there, as in every grid.

function inWords(view, row, column) {
  const count = view.counts[row][column];
  const clips = count === 0 ? "no clips" : count === 1 ? "1 clip" : `${count.toLocaleString("en")} clips`;
  return `true ${view.classes[row]}, predicted ${view.classes[column]}: ${clips}`;
}

function render({ model, el }) {
  el.classList.add("musiclab-clips");
  let focused = [0, 0]; // the cell that the tab key reaches

  const button = (row, column) => el.querySelector(`button[data-key="${row} ${column}"]`);

  function cell(view, row, column) {
    const [count, share] = [view.counts[row][column], view.shares[row][column]];
    const open = view.open[0] === row && view.open[1] === column;
    const made = element(
      "button",
      {
        type: "button",
        "data-key": `${row} ${column}`,
        "aria-label": inWords(view, row, column),
        title: inWords(view, row, column),
        "aria-pressed": String(open),
        tabindex: focused[0] === row && focused[1] === column ? "0" : "-1",
        class: (share > 0.65 ? "musiclab-strong " : "") + (row === column ? "musiclab-right" : ""),
        style: `--share: ${share}`,
      },
      count ? String(count) : "·",
    );
    made.onclick = () => {
      focused = [row, column];
      model.send({ open: focused });
    };
    made.onkeydown = (event) => step(event, row, column, view.classes.length - 1);
    return element("td", { role: "gridcell" }, made);
  }

  function step(event, row, column, last) {
    const to = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, last],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    const next = button(...to);
    if (!next) return; // beyond the edge
    button(...focused)?.setAttribute("tabindex", "-1");
    focused = to;
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  function draw() {
    const view = model.get("view");
    const inside = el.contains(document.activeElement);
    if (view.open[0] >= 0 && !inside) focused = view.open;
    const heads = view.classes.map((name) => element("th", { scope: "col" }, element("span", {}, name)));
    const corner = element("td", { class: "musiclab-corner" }, "true ↓  predicted →");
    const rows = view.classes.map((name, row) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...view.classes.map((_, column) => cell(view, row, column))),
    );
    const caption = element("caption", {}, "Confusion matrix: choose a cell to hear its clips");
    const head = element("thead", {}, element("tr", {}, corner, ...heads));
    const table = element("table", { role: "grid", class: "musiclab-matrix" }, caption, head, element("tbody", {}, ...rows));
    el.replaceChildren(element("div", { class: "musiclab-wide" }, table));
    if (inside) button(...focused)?.focus(); // the cells were made anew: the focus stays where it was
  }

  model.on("change:view", draw);
  draw();
  return () => model.off("change:view", draw);
}

export default { render };

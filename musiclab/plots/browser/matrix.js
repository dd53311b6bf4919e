// A confusion matrix of buttons. Draws the traits `view` and `cell`. When the reader opens a cell, it sends Python the
// message {open: [true, predicted]}. One cell is in the tab order; arrow keys, Home and End move the focus from there.

function render({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips");
  const { classes, counts, shares } = model.get("view");
  const last = classes.length - 1;
  let focused = [0, 0]; // the cell in the tab order

  const cells = classes.map((_, row) => classes.map((_, column) => cell(row, column)));

  function cell(row, column) {
    const [count, share] = [counts[row][column], shares[row][column]];
    const clips = count === 0 ? "no clips" : count === 1 ? "1 clip" : `${count.toLocaleString("en")} clips`;
    const words = `true ${classes[row]}, predicted ${classes[column]}: ${clips}`;
    const colour = (share > 0.65 ? "musiclab-strong " : "") + (row === column ? "musiclab-diagonal" : "");
    const properties = { type: "button", "aria-label": words, title: words, class: colour, style: `--share: ${share}` };
    const button = element("button", properties, count ? String(count) : "·");
    button.onclick = () => {
      focused = [row, column];
      model.send({ open: focused });
      asked();
    };
    button.onkeydown = (event) => step(event, row, column);
    return button;
  }

  function step(event, row, column) {
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
    if (!cells[to[0]]?.[to[1]]) return; // beyond the edge
    focused = to;
    mark();
    cells[to[0]][to[1]].focus();
  }

  function mark() {
    const open = model.get("cell");
    if (open[0] >= 0 && !el.contains(document.activeElement)) focused = open;
    cells.forEach((line, row) =>
      line.forEach((button, column) => {
        button.tabIndex = focused[0] === row && focused[1] === column ? 0 : -1;
        button.setAttribute("aria-pressed", String(open[0] === row && open[1] === column));
      }),
    );
  }

  const heads = classes.map((name) => element("th", { scope: "col" }, element("span", {}, name)));
  const corner = element("td", { class: "musiclab-corner" }, "true ↓  predicted →");
  const rows = cells.map((line, row) => {
    const data = line.map((button) => element("td", { role: "gridcell" }, button));
    return element("tr", {}, element("th", { scope: "row" }, classes[row]), ...data);
  });
  const caption = element("caption", {}, "Confusion matrix: choose a cell to hear its clips");
  const head = element("thead", {}, element("tr", {}, corner, ...heads));
  const table = element("table", { role: "grid", class: "musiclab-matrix" }, caption, head, element("tbody", {}, ...rows));
  el.append(element("div", { class: "musiclab-wide" }, table));
  const [asked, answers] = awaitAnswers(model, el);
  mark();
  return listen(model, { ...answers, "change:cell": mark });
}

export default { render };

// Shows HTML from Python, with buttons. A press on an element with the attribute data-send sends Python this message, for
// example {"choose": 3}. The arrow keys, Home and End move the focus between buttons with a data-place, "row column". Other
// keys press the button that has them as data-key, and Enter on a chosen clip also plays it.

function render({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips");
  const page = element("div", {});
  el.append(page);
  const [asked, answers] = awaitAnswers(model, el);
  const send = (node, more) => {
    model.send({ ...JSON.parse(node.dataset.send), ...more });
    asked();
  };
  // the filters above belong to Jupyter, but their answer is a new page of the table
  const filtered = ({ target }) => { if (!el.contains(target) && el.closest(".musiclab-filtered")?.contains(target)) asked(); };
  document.addEventListener("input", filtered);

  page.onclick = ({ target }) => {
    const node = target.closest("[data-send]");
    if (node) send(node);
  };
  page.onkeydown = (event) => {
    const { key, target } = event;
    const [row, column] = target.dataset.place?.split(" ").map(Number) ?? [];
    if (row === undefined) return;
    const moves = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] };
    const inRow = [...target.closest("tr").querySelectorAll("[data-place]")];
    const next = { Home: inRow[0], End: inRow.at(-1) }[key] ?? page.querySelector(`[data-place="${moves[key]?.join(" ")}"]`);
    const pressed = page.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (next) {
      [target.tabIndex, next.tabIndex] = [-1, 0]; // one of them is in the tab order
      next.focus();
    } else if (pressed) pressed.click();
    else if (key === "Enter" && target.closest("tr[data-send]")) send(target, { play: true });
    else if (!(key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
  };

  // Draws the new HTML, and keeps the focus where it was.
  function draw() {
    const focused = page.contains(document.activeElement) ? document.activeElement.dataset.send : null;
    page.innerHTML = model.get("content");
    const buttons = [...page.querySelectorAll("button")];
    for (const button of buttons) button.dataset.lmSuppressShortcuts = "true"; // see element.js
    if (focused) (buttons.find((button) => button.dataset.send === focused) ?? page.querySelector("[data-place]"))?.focus();
  }

  draw();
  const stopListening = listen(model, { ...answers, "change:content": draw });
  return () => { document.removeEventListener("input", filtered); stopListening(); };
}

export default { render };

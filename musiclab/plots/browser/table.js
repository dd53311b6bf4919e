// A table that shows one page. Draws the trait `view` (see table.py), and sends Python the reader's actions as messages:
// {sort: column}, {turn: pages}, {choose: row, play: bool}. A click chooses a row; Enter also plays it.

function render({ model, el }) {
  el.classList.add("musiclab", "musiclab-clips");
  const page = element("div", {});
  el.append(page);
  const [asked, answers] = awaitAnswers(model, el);
  const send = (message) => {
    model.send(message);
    asked();
  };
  // the filters above belong to Jupyter, but their answer is a new page of the table
  const filtered = ({ target }) => { if (!el.contains(target) && el.closest(".musiclab-filtered")?.contains(target)) asked(); };
  document.addEventListener("input", filtered);

  function header(view) {
    const cells = view.columns.map((name, column) => {
      const sorted = view.sort[0] === name;
      const arrow = sorted ? (view.sort[1] ? " ▾" : " ▴") : "";
      const button = element("button", { type: "button", "data-key": `sort ${name}` }, name + arrow);
      button.onclick = () => send({ sort: name });
      const cell = element("th", { scope: "col", class: view.numeric[column] ? "musiclab-number" : "" }, button);
      if (sorted) cell.setAttribute("aria-sort", view.sort[1] ? "descending" : "ascending");
      return cell;
    });
    return element("thead", {}, element("tr", {}, ...cells));
  }

  function line(view, position) {
    const row = view.rows[position];
    const chosen = row === view.chosen;
    const cells = view.cells[position].map((text, column) => {
      if (column > 0) return element("td", { class: view.numeric[column] ? "musiclab-number" : "" }, text);
      const button = element("button", { type: "button", "data-key": `row ${row}`, title: text }, text);
      if (chosen) button.setAttribute("aria-current", "true");
      button.onkeydown = (event) => step(event, position, row);
      const note = view.notes[position];
      const inside = note ? [button, element("span", { class: "musiclab-warning" }, ` ${note}`)] : [button];
      return element("th", { scope: "row" }, ...inside);
    });
    const made = element("tr", chosen ? { class: "musiclab-chosen" } : {}, ...cells);
    made.onclick = () => send({ choose: row });
    return made;
  }

  // Arrow up and down move between rows; page up and down turn the pages.
  function step(event, position, row) {
    const buttons = [...el.querySelectorAll("tbody button")];
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    const turns = { PageDown: 1, PageUp: -1 };
    if (event.key in moves) buttons[position + moves[event.key]]?.focus();
    else if (event.key === "Enter") send({ choose: row, play: true });
    else if (event.key in turns) send({ turn: turns[event.key] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function pager(view) {
    const button = (text, label, turn, last) => {
      const made = element("button", { type: "button", "data-key": label, "aria-label": label }, text);
      if (last) made.setAttribute("aria-disabled", "true"); // not `disabled`, because that would lose the focus
      else made.onclick = () => send({ turn });
      return made;
    };
    const bar = element("div", { class: "musiclab-pager" }, element("span", { role: "status" }, view.count));
    if (view.pages === 1) return bar;
    const [first, last] = [view.page === 0, view.page === view.pages - 1];
    bar.append(
      button("«", "first page", -view.page, first),
      button("‹", "previous page", -1, first),
      `page ${view.page + 1} of ${view.pages}`,
      button("›", "next page", 1, last),
      button("»", "last page", view.pages - 1 - view.page, last),
    );
    return bar;
  }

  function draw() {
    const view = model.get("view");
    const inside = el.contains(document.activeElement);
    const key = inside ? document.activeElement.dataset.key : null;
    const body = element("tbody", {}, ...view.cells.map((_, position) => line(view, position)));
    const caption = element("caption", {}, view.caption);
    const table = element("table", { class: "musiclab-table" }, caption, header(view), body);
    page.replaceChildren(element("div", { class: "musiclab-wide" }, table), pager(view));
    if (inside) {
      const same = [...el.querySelectorAll("button")].find((button) => button.dataset.key === key);
      (same ?? el.querySelector("tbody button"))?.focus(); // keep the focus, although the rows are new elements
    }
  }

  draw();
  const stopListening = listen(model, { ...answers, "change:view": draw });
  return () => {
    document.removeEventListener("input", filtered);
    stopListening();
  };
}

export default { render };

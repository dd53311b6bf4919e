// Tools of all widgets: create elements, listen to the model, and format numbers. Python concatenates this file with the
// script of a widget (see __init__.py), so that nothing has to be loaded.

// Creates an element. Names of properties set the property, so that true and false work for `hidden`, for example. Other
// names, such as class, tabindex or aria-label, set an attribute.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "role") made[name] = value; // older browsers have no property `role`
    else made.setAttribute(name, value);
  }
  // Jupyter handles keys itself (D twice deletes a cell) unless the focused element has this attribute.
  if (made.matches("input, select, button, [tabindex]")) made.dataset.lmSuppressShortcuts = "true";
  made.append(...children);
  return made;
}

// Ctrl+S and Cmd+S get through to Jupyter, which looks for the attribute after this listener. There is one on each page.
globalThis.musiclabSaves ??= (addEventListener("keydown", ({ key, ctrlKey, metaKey, target }) => {
  if (key.toLowerCase() !== "s" || !(ctrlKey || metaKey)) return;
  const nodes = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")].filter((node) => node.contains(target));
  for (const node of nodes) delete node.dataset.lmSuppressShortcuts;
  setTimeout(() => nodes.forEach((node) => { node.dataset.lmSuppressShortcuts = "true"; }));
}, true), true);

const uniqueId = () => `musiclab-${Math.random().toString(36).slice(2)}`; // connects a label to its control

// Calls the handlers when events of the model occur. Returns a function that stops it.
function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => { for (const [event, handler] of Object.entries(handlers)) model.off(event, handler); };
}

const PATIENCE = 2000; // ms

// Says so in the view if Python doesn't answer. Every message that Python handles increases the trait `answered` (see
// answering.py). Returns a function to call after each message, and a handler of that trait.
function awaitAnswers(model, el) {
  const note = element("p", { class: "musiclab-problem", role: "alert" });
  el.append(note);
  let timer = null;
  const show = (text) => { note.textContent = text; };
  const say = () => show("Python has not answered yet. If it isn't busy, it was stopped or restarted: run this cell again.");
  const asked = () => { if (model.widget_manager) timer ??= setTimeout(say, PATIENCE); }; // pages without Python have none
  const answered = () => { clearTimeout(timer); timer = null; show(""); };
  return [asked, { "change:answered": answered }];
}

// Formats a number with about three significant digits.
function formatNumber(number) {
  const size = Math.abs(number);
  const digits = size >= 100 || size < 1e-9 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return Number(number.toFixed(digits)).toLocaleString("en-GB", { maximumFractionDigits: 4 }).replace("-", "−");
}

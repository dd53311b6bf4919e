// What every widget's script begins with: one way to make an element, to listen to the model, and to write a number.
// Python puts this text before the widget's own (scripts.py), so that nothing is loaded from anywhere.

// A property where an element has one of that name, so that true and false are what they say (hidden: "" would be
// false); an attribute otherwise, such as class, tabindex, or aria-label.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "role") made[name] = value; // role is an attribute alone in older browsers
    else made.setAttribute(name, value);
  }
  // Jupyter takes keys for its cells (D twice deletes one) unless the very element that has the focus says that they are its own
  if (made.matches("input, select, button, [tabindex]")) made.dataset.lmSuppressShortcuts = "true";
  made.append(...children);
  return made;
}

const uniqueId = () => `musiclab-${Math.random().toString(36).slice(2)}`; // labels refer to their control by it

// Calls a handler for each event of the model; returns how to stop that.
function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => {
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
  };
}

// A number with about three digits that count.
function written(number) {
  const size = Math.abs(number);
  const digits = size >= 100 || size < 1e-9 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return Number(number.toFixed(digits)).toLocaleString("en-GB", { maximumFractionDigits: 4 }).replace("-", "−");
}

// A grid of labelled sliders, dropdown lists and number fields, one for each trait of the model.

// Every spec has a name (of the trait) and optionally a title. A dropdown list has `options`, a list of [value, text]. A
// slider has min, max and step, or a list of `values`, and a function `format` that writes its value. Any other spec is a
// number field with a minimum. clamp(value, get) limits a value, where get(name) returns that of another trait. A slider
// whose trait is null shows defaultOf(name). `changed` is called after the reader has changed a control. Returns the grid,
// one function per trait that updates its control, and a function that stops following the traits.
function controls(model, specs, changed = () => {}, defaultOf = () => null) {
  const grid = element("div", { class: "musiclab-controls" });
  const updates = {};
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes(); // while Python is busy, Jupyter keeps only the newest values
    changed();
  };
  for (const { name, title = name, options, values, format, clamp = (value) => value, ...range } of specs) {
    const output = format ? element("output", {}) : "";
    const ends = values ? { min: 0, max: values.length - 1, step: 1 } : range;
    const control = options
      ? element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)))
      : element("input", { type: format ? "range" : "number", ...ends });
    control.id = uniqueId();
    control.dataset.setting = name;
    grid.append(element("div", {}, element("label", { htmlFor: control.id }, title), output, control));
    updates[name] = () => {
      const value = model.get(name) ?? defaultOf(name) ?? "";
      const distances = values?.map((other) => Math.abs(other - value));
      control.value = values ? distances.indexOf(Math.min(...distances)) : value;
      if (!format) return;
      output.textContent = format(value) + (model.get(name) === null ? " (default)" : "");
      control.setAttribute("aria-valuetext", output.textContent);
    };
    control.addEventListener(format ? "input" : "change", () => {
      if (options) set(name, control.value || null);
      else if (control.reportValidity() && control.value !== "") {
        set(name, clamp(values ? values[control.valueAsNumber] : control.valueAsNumber, (other) => model.get(other)));
        updates[name]();
      }
    });
  }
  const follow = Object.keys(updates).map((name) => [`change:${name}`, () => updates[name]()]);
  for (const [, update] of follow) update();
  return [grid, updates, listen(model, Object.fromEntries(follow))];
}

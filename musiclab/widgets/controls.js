// Labelled sliders, choices and numbers in a grid, each of them for a trait of the model.

// Every spec has a name, that of the trait, and perhaps a title. A choice has options, a list of [value, text]. A slider
// has min, max and step, or a list of values that it goes through, and says(value), its value in words. Anything else
// is a number of at least `min`. A slider whose trait is null shows own(name) instead. Returns the grid, and a function
// for each trait that brings its control up to date; `changed` is called when the reader has moved one.
function controls(model, specs, changed = () => {}, own = () => null) {
  const grid = element("div", { class: "musiclab-controls" });
  const updates = {};
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes(); // while Python is busy Jupyter keeps the newest values only: the last one wins
    changed();
  };
  for (const { name, title = name, options, values, says, ...range } of specs) {
    const output = says ? element("output", {}) : "";
    const ends = values ? { min: 0, max: values.length - 1, step: 1 } : range;
    const control = options
      ? element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)))
      : element("input", { type: says ? "range" : "number", ...ends });
    control.id = uniqueId();
    control.dataset.setting = name;
    grid.append(element("div", {}, element("label", { htmlFor: control.id }, title), output, control));
    updates[name] = () => {
      const value = model.get(name) ?? own(name) ?? "";
      const distances = values?.map((each) => Math.abs(each - value));
      control.value = values ? distances.indexOf(Math.min(...distances)) : value;
      if (!says) return;
      output.textContent = says(value) + (model.get(name) === null ? ", its own" : "");
      control.setAttribute("aria-valuetext", output.textContent);
    };
    control.addEventListener(says ? "input" : "change", () => {
      if (options) set(name, control.value || null);
      else if (control.validity.valid && control.value !== "") {
        set(name, values ? values[control.valueAsNumber] : control.valueAsNumber);
        updates[name]();
      }
    });
  }
  return [grid, updates];
}

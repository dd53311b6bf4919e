// Controls of the Studio mixer. mixer.py renders the track, and shows its ground truth and the model's predictions.

function render({ model, el }) {
  el.classList.add("musiclab");
  const choices = model.get("choices"); // a page without Python leaves out what it can't answer
  const { genre, key = [], mute, seed = [], tempo = [], swing = [] } = choices;
  const same = (values) => values.map((value) => [value, value]);
  const specs = [
    { name: "genre", options: same(genre) },
    { name: "seed", title: "track (seed)", min: seed[0], step: 1 },
    { name: "tempo", min: tempo[0], max: tempo[1], step: 1, format: (beats) => `${formatNumber(beats)} BPM` },
    { name: "swing", min: swing[0], max: swing[1], step: 0.01, format: (share) => share.toFixed(2) },
    { name: "key", options: [["", "default"], ...same(key)] },
  ].filter(({ name }) => name in choices);
  const [grid, updates, stopUpdating] = controls(model, specs, () => asked(), (name) => (name === "key" ? "" : model.get("own")[name]));

  const choice = grid.querySelector("[data-setting=key]");
  const showKey = updates.key;
  if (choice) updates.key = () => {
    const value = model.get("key") ?? "";
    choice.options[0].textContent = value ? "default" : `default: ${model.get("own").key}`;
    if (![...choice.options].some((option) => option.value === value)) choice.append(element("option", { value }, value)); // such as "A minor", set in Python
    showKey();
  };

  const boxes = mute.map((stem) => {
    const box = element("input", { type: "checkbox", id: uniqueId(), value: stem });
    box.onchange = () => set({ mute: boxes.filter((other) => other.checked).map((other) => other.value) });
    return box;
  });
  const solos = mute.map((stem) => {
    const button = element("button", { type: "button", "aria-label": `solo ${stem}`, title: `Hear only: ${stem}` }, "S");
    const others = mute.filter((other) => other !== stem);
    button.onclick = () => set({ mute: button.ariaPressed === "true" ? [] : others });
    button.update = () => (button.ariaPressed = String(others.every((other) => isMuted(other)) && !isMuted(stem)));
    return button;
  });
  const isMuted = (stem) => model.get("mute").includes(stem);
  const stems = boxes.map((box, index) => element("span", {}, element("label", { htmlFor: box.id }, box, box.value), solos[index]));
  const showMutes = () => {
    for (const box of boxes) box.checked = isMuted(box.value);
    for (const button of solos) button.update();
  };
  const swap = element("button", { type: "button", title: "Go back to the track before the last change. Press again to return." }, "Hear before");
  swap.onclick = () => set(model.get("previous"));
  const reset = element("button", { type: "button" }, "Reset to defaults");
  reset.onclick = () => set({ tempo: null, key: null, swing: null, mute: [] });
  function set(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
    asked();
  }

  const problem = element("p", { class: "musiclab-problem", role: "alert" });
  const status = element("p", { role: "status" });
  const mutes = element("fieldset", {}, element("legend", {}, "mute"), ...stems, element("span", {}, ...("seed" in choices ? [swap] : []), reset));
  el.append(element("div", { role: "group", "aria-label": "Studio mixer" }, grid, mutes, problem, status));
  const [asked, answers] = awaitAnswers(model, el);

  const show = () => {
    for (const name of ["tempo", "swing", "key"]) updates[name]?.(); // they may show a default of the track
    problem.textContent = model.get("problem");
    status.textContent = model.get("status");
    swap.disabled = !Object.keys(model.get("previous")).length;
  };
  show();
  showMutes();
  const stopListening = listen(model, {
    ...answers, "change:own change:problem change:status change:previous": show, "change:mute": showMutes,
  });
  return () => { stopListening(); stopUpdating(); };
}

export default { render };

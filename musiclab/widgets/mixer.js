// Controls of the Studio, the truth about the track, and a model's probabilities. mixer.py renders and listens.

const percent = (share) => (share > 0 && share < 0.005 ? "<1 %" : share < 1 && share >= 0.995 ? ">99 %" : `${Math.round(100 * share)} %`);

function render({ model, el }) {
  const choices = model.get("choices");
  const updates = {};
  const set = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes(); // while Python renders Jupyter keeps the newest values only: the last one wins
  };
  const row = element("div", { class: "musiclab-controls" });
  const put = (name, title, control, said) => {
    control.id = uniqueId();
    control.dataset.setting = name;
    row.append(element("div", {}, element("label", { htmlFor: control.id }, title), said ?? "", control));
  };

  const genre = element("select", {}, ...choices.genre.map((value) => element("option", { value }, value)));
  genre.addEventListener("change", () => set({ genre: genre.value }));
  put("genre", "genre", genre);
  updates.genre = () => (genre.value = model.get("genre"));

  const seed = element("input", { type: "number", min: 0, step: 1 });
  seed.addEventListener("change", () => seed.validity.valid && seed.value !== "" && set({ seed: seed.valueAsNumber }));
  put("seed", "track (seed)", seed);
  updates.seed = () => (seed.value = model.get("seed"));

  for (const [name, step, says] of [["tempo", 1, (beats) => `${written(beats)} a minute`], ["swing", 0.01, (share) => share.toFixed(2)]]) {
    const [min, max] = choices[name];
    const slider = element("input", { type: "range", min, max, step }), said = element("output", {});
    slider.addEventListener("input", () => {
      set({ [name]: slider.valueAsNumber });
      updates[name]();
    });
    put(name, name, slider, said);
    updates[name] = () => {
      const value = model.get(name) ?? model.get("truth")[name];
      slider.value = value;
      said.textContent = says(value) + (model.get(name) === null ? ", its own" : "");
      slider.setAttribute("aria-valuetext", said.textContent);
    };
  }

  const key = element("select", {}, element("option", { value: "" }), ...choices.key.map((value) => element("option", { value }, value)));
  key.addEventListener("change", () => set({ key: key.value || null }));
  put("key", "key", key);
  updates.key = () => {
    const value = model.get("key") ?? "";
    key.options[0].textContent = `its own${value ? "" : `: ${model.get("truth").key}`}`;
    if (![...key.options].some((option) => option.value === value)) key.append(element("option", { value }, value)); // "A minor", from Python
    key.value = value;
  };

  const stems = choices.mute.map((stem) => {
    const box = element("input", { type: "checkbox", id: uniqueId() });
    box.dataset.stem = stem;
    box.addEventListener("change", () => {
      const others = model.get("mute").filter((each) => each !== stem);
      set({ mute: box.checked ? [...others, stem] : others });
    });
    return [stem, box];
  });
  const boxes = stems.map(([stem, box]) => element("label", { htmlFor: box.id }, box, stem));
  const own = element("button", { type: "button" }, "As the track has it");
  own.addEventListener("click", () => set({ tempo: null, key: null, swing: null, mute: [] }));
  const mutes = element("fieldset", {}, element("legend", {}, "mute"), ...boxes, own);
  updates.mute = () => {
    for (const [stem, box] of stems) box.checked = model.get("mute").includes(stem);
  };

  const problem = element("p", { class: "musiclab-problem", role: "alert" });
  const truth = element("dl", { "aria-label": "Truth about the track" });
  const bars = element("table", { class: "musiclab-probabilities" });
  const state = element("p", { class: "musiclab-said", role: "status" });
  const root = element("div", { class: "musiclab-mixer", role: "group", "aria-label": "Studio mixer" },
    row, mutes, problem, element("div", { class: "musiclab-columns" }, element("div", {}, bars, state), truth));
  el.append(root);

  function showTruth() {
    truth.replaceChildren(...model.get("truth").rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
    updates.tempo();
    updates.swing();
    updates.key();
  }

  // A bar a class in the model's own order, so that a bar stays where it is while it changes.
  function showAnswer() {
    const { classes, now, before } = model.get("answer");
    root.classList.toggle("musiclab-deaf", !classes);
    if (!classes) return;
    const best = now.indexOf(Math.max(...now)), playing = model.get("genre");
    const rows = classes.map((name, number) => {
      const bar = element("div", { class: "musiclab-now" });
      bar.style.width = `${100 * now[number]}%`;
      const behind = element("div", { class: "musiclab-before", hidden: !before });
      behind.style.width = `${100 * (before?.[number] ?? 0)}%`;
      const texts = [element("td", {}, percent(now[number])), element("td", {}, before ? percent(before[number]) : "–")];
      const true_ = name === playing ? " (played)" : "";
      const line = element("tr", number === best ? { class: "musiclab-best" } : {},
        element("th", { scope: "row" }, name + true_), element("td", { class: "musiclab-bar-cell" }, behind, bar), ...texts);
      line.dataset.class = name;
      return line;
    });
    const head = element("tr", {}, ...["class", "probability", "now", "before"].map((text) => element("th", { scope: "col" }, text)));
    bars.replaceChildren(element("caption", {}, `What the model hears${before ? "; outlined: the state before" : ""}`), element("thead", {}, head), element("tbody", {}, ...rows));
    const changed = before && before.indexOf(Math.max(...before)) !== best ? `, not ${classes[before.indexOf(Math.max(...before))]} any more` : "";
    state.textContent = `The model says ${classes[best]} (${percent(now[best])})${changed}.`;
  }

  function tell() {
    problem.textContent = model.get("problem");
    root.classList.toggle("musiclab-stale", problem.textContent !== "");
  }

  const listeners = [["change:truth", showTruth], ["change:answer", showAnswer], ["change:problem", tell]];
  for (const [name, update] of Object.entries(updates)) listeners.push([`change:${name}`, update]);
  for (const update of [...Object.values(updates), showTruth, showAnswer, tell]) update();
  for (const [event, handler] of listeners) model.on(event, handler);
  return () => {
    for (const [event, handler] of listeners) model.off(event, handler);
  };
}

export default { render };

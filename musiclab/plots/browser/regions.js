// Regions of a Player: draw, name, move, resize, loop and delete them, and read and write them as files.

const LABELS = 20; // CSS pixels of the row with the names

class Regions {
  // `view` is the View that they belong to; it converts times to pixels.
  constructor(model, view) {
    Object.assign(this, { model, view, nodes: [], selected: null });
    this.layer = element("div", { class: "regions" });
    const field = (name, type, title) => {
      this[name] = element("input", { type, step: "any", min: 0, class: name });
      this[name].onchange = () => {
        const { start, end } = this.region, value = this.view.inSound(this[name].valueAsNumber);
        this.edit({ label: { label: this.label.value }, start: { start: Math.min(value, end) }, end: { end: Math.max(value, start) } }[name]);
      };
      this[name].onkeydown = ({ key }) => { if (key === "Enter") this[name].onchange(); }; // JupyterLab keeps Enter from the field
      return element("label", {}, title, " ", this[name]);
    };
    const button = (text, onclick) => element("button", { type: "button", onclick }, text);
    this.editor = element("div", { class: "bar editor", hidden: true, role: "group", "aria-label": "Region" },
      field("label", "text", "Region"), field("start", "number", "from"), field("end", "number", "to"), "s",
      button("Loop", () => this.loop()), button("Delete", () => this.remove()));
  }

  get all() { return settingOf(this.model, "_regions"); }
  get region() { return this.all[this.selected]; }

  set(all, isFinal = true) {
    this.model.set("_regions", all);
    if (!isFinal) return;
    this.model.save_changes();
    this.model.send?.({}); // Python answers
    this.view.sound.asked();
  }

  // Changes the selected region. Python receives the last of the changes of a drag.
  edit(changes, isFinal = true) {
    const region = { ...this.region, ...changes };
    const [start, end] = [region.start, region.end].map((time) => this.view.inSound(time)).sort((a, b) => a - b);
    if (Number.isFinite(start + end)) this.set(this.all.with(this.selected, { ...region, start, end }), isFinal);
    this.follow(isFinal);
  }

  // Adds a region and selects it.
  add(start, end, isFinal = true) {
    this.selected = this.all.length;
    this.set([...this.all, { start, end, label: "" }], false);
    this.edit({ start, end }, isFinal);
  }

  remove() {
    this.set(this.all.filter((_, index) => index !== this.selected));
    this.select(null); this.view.stage.focus();
  }

  select(index) { this.selected = index; this.follow(); }

  loop() {
    const { start, end } = this.region;
    if (end > start) this.view.sound.loopFrom([start, end]);
  }

  // Returns a function that moves or resizes the region under the pointer while it is dragged to a time, or with Shift draws
  // a new one, or null.
  grasp({ target, shiftKey }, from) {
    const index = this.nodes.findIndex((node) => node.contains(target));
    [this.isNew, this.before] = [index < 0, this.all];
    if (this.isNew && !shiftKey) return null;
    const added = this.all.length;
    if (this.isNew) return (time) => (this.all.length > added ? this.edit({ start: from, end: time }, false) : this.add(from, time, false));
    this.select(index);
    const { start, end } = this.region;
    if (target.matches(".end")) return (time) => this.edit({ start, end: Math.max(time, start) }, false);
    if (target.matches(".start")) return (time) => this.edit({ start: Math.min(time, end), end }, false);
    const { duration } = this.view.sound;
    return (time) => {
      const by = Math.min(Math.max(-start, time - from), duration - end);
      this.edit({ start: start + by, end: end + by }, false);
    };
  }

  // Ends a drag: lets the reader name a new region, or one that was clicked.
  finish(isDragged) {
    if (isDragged) this.edit({});
    if (this.isNew === isDragged) this.label.focus();
  }

  // Handles a key on the name of a region: arrows move it, with Shift its end; Delete deletes it. Returns whether it did.
  key({ key, target, shiftKey }, step) {
    const index = this.nodes.findIndex((node) => node.contains(target));
    if (index < 0) return false;
    this.select(index);
    const by = { ArrowLeft: -step, ArrowRight: step }[key];
    const isDelete = key === "Delete" || key === "Backspace";
    const { start, end } = this.region;
    if (isDelete) this.remove();
    else if (by && shiftKey) this.edit({ end: Math.max(start, end + by) });
    else if (by && start + by >= 0 && end + by <= this.view.sound.duration) this.edit({ start: start + by, end: end + by });
    return isDelete || Boolean(by);
  }

  follow(rewrites = false) { // otherwise, the field in which the reader writes keeps its text
    const { all } = this;
    if (this.selected !== null && !this.region) this.selected = null;
    while (this.nodes.length > all.length) this.nodes.pop().remove();
    while (this.nodes.length < all.length) {
      const name = element("button", { type: "button", class: "name" });
      name.onclick = () => { if (!this.view.isDragging) this.label.focus(); };
      const node = element("div", { class: "region" }, name, element("i", { class: "start" }), element("i", { class: "end" }));
      this.nodes.push(node);
      this.layer.append(node);
    }
    all.forEach(({ start, end, label }, index) => {
      const node = this.nodes[index];
      this.view.stretch(node, start, end);
      node.classList.toggle("selected", index === this.selected);
      node.firstChild.textContent = label || `${index + 1}`;
      node.firstChild.title = `${label || "Region"}: ${clock(start, end - start || 1)} to ${clock(end, end - start || 1)}`;
    });
    this.editor.hidden = !this.region;
    const [from, to] = this.view.span, digits = Math.min(Math.max(3, Math.ceil(4 - Math.log10(to - from))), 6); // finer than a pixel
    for (const name of this.region ? ["label", "start", "end"] : []) {
      if (rewrites || document.activeElement !== this[name]) this[name].value = name === "label" ? this.region.label : +this.region[name].toFixed(digits);
    }
  }

  // Returns the regions as the text of a file.
  file(suffix) {
    const { title, duration } = this.view.sound.scene;
    return REGION_FILES[suffix].write([...this.all].sort((a, b) => a.start - b.start), title, duration);
  }

  // Replaces the regions by those of files, and returns what was wrong with them.
  async read(files) {
    const [regions, problems] = [[], []];
    for (const file of files) {
      try {
        const reader = REGION_FILES[file.name.split(".").at(-1).toLowerCase()];
        if (!reader) throw new Error("expected a file that ends in .csv, .txt (Audacity labels) or .jams");
        const rows = reader.read(await file.text());
        const { duration } = this.view.sound;
        const good = rows.filter(({ start, end }) => start >= 0 && start <= end && end <= duration + 1e-3);
        regions.push(...good.map(({ start, end, label }) => ({ start, end: Math.min(end, duration), label })));
        if (good.length < rows.length) problems.push(`${file.name}: passed over ${rows.length - good.length} of ${rows.length} regions, which don't lie in the sound`);
      } catch (error) {
        problems.push(`${file.name}: ${error.message}`);
      }
    }
    if (regions.length) this.set(regions);
    return problems.join("; ");
  }
}

const timeText = (time) => time.toFixed(6);

// Formats of region files by suffix, as in musiclab/widgets/regions.py.
const REGION_FILES = {
  csv: {
    title: "CSV",
    write: (regions) => ["start,end,label", ...regions.map(({ start, end, label }) =>
      [timeText(start), timeText(end), /[",\r\n]/.test(label) ? `"${label.replaceAll('"', '""')}"` : label].join(","))].join("\n") + "\n",
    read: (text) => {
      const rows = [[]];
      for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
        rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
        if (end !== ",") rows.push([]);
      }
      const [header, ...lines] = rows.filter((row) => row.join(""));
      const [start, end, label] = ["start", "end", "label"].map((name) => header?.indexOf(name) ?? -1);
      if (start < 0 || end < 0) throw new Error("expected a first line with the columns start, end and label");
      return lines.map((row) => ({ start: parseFloat(row[start]), end: parseFloat(row[end]), label: row[label] ?? "" }));
    },
  },
  txt: {
    title: "Audacity",
    write: (regions) => regions.map(({ start, end, label }) =>
      `${timeText(start)}\t${timeText(end)}\t${label.replace(/[\t\r\n]+/g, " ")}\n`).join(""),
    read: (text) => {
      const lines = text.split(/\r?\n/).filter((line) => line && !line.startsWith("\\")); // frequencies start with a backslash
      if (lines.some((line) => line.split("\t").length < 2)) throw new Error("expected lines of start, end and label, separated by tabs");
      return lines.map((line) => line.split("\t")).map(([start, end, label]) => ({ start: parseFloat(start), end: parseFloat(end), label: label ?? "" }));
    },
  },
  jams: {
    title: "JAMS",
    write: (regions, title, duration) => JSON.stringify({
      annotations: [{
        annotation_metadata: { data_source: "musiclab" }, namespace: "segment_open", sandbox: {}, time: 0, duration,
        data: regions.map(({ start, end, label }) => ({ time: start, duration: end - start, value: label, confidence: null })),
      }],
      file_metadata: { title, artist: "", release: "", duration, identifiers: {}, jams_version: "0.3.4" }, sandbox: {},
    }, null, 2),
    read: (text) => {
      const found = JSON.parse(text)?.annotations?.find(({ namespace }) => namespace === "segment_open");
      if (!found) throw new Error("expected an annotation with the namespace segment_open");
      return found.data.map(({ time, duration, value }) => ({ start: time, end: time + duration, label: String(value ?? "") }));
    },
  },
};

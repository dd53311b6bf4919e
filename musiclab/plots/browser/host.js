// Shows widgets on a page without Python, from their saved states.
//
// A page contains <musiclab-view data-widget="Player" data-state="0123">, around the still picture of the widget. When the
// reader comes near, the scripts Player.js and 0123.js are loaded from the folder of this file. Each calls
// musiclab.receive(name, content). They are scripts, because a page that is opened as a file can't load anything else.

(() => {
  const folder = new URL(".", document.currentScript.src);
  const [receivers, contents, widgets] = [{}, {}, {}]; // by the name of a script: functions that resolve a promise, and promises
  globalThis.musiclab = { receive: (name, content) => receivers[name](content) };

  const load = (name) => (contents[name] ??= new Promise((resolve, reject) => {
    receivers[name] = resolve;
    const failed = () => reject(new Error(`${name}.js is missing`));
    document.head.append(Object.assign(document.createElement("script"), { src: new URL(`${name}.js`, folder).href, onerror: failed }));
  }));

  // Returns the widget that a module exports.
  async function widgetOf(name) {
    const { script, style } = await load(name);
    document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    return (await import(url)).default;
  }

  const decoded = (base64) => {
    const text = atob(base64);
    return new Uint8Array(text.length).map((_, at) => text.charCodeAt(at)); // six times as fast as Uint8Array.from(text, ...)
  };
  const revive = (_, value) => (typeof value?.base64 === "string" ? new DataView(decoded(value.base64).buffer) : value);

  // Returns a state from deflated JSON, in which bytes are base64. A widget gets them as a DataView.
  async function stateOf(name) {
    const json = new Blob([decoded(await load(name))]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(json).text(), revive);
  }

  async function start(name, model, el) {
    widgets[name] ??= widgetOf(name);
    const widget = await widgets[name];
    const { initialize, render } = typeof widget === "function" ? await widget() : widget;
    await initialize?.({ model });
    await render({ model, el });
  }

  // Shows a widget of several parts, of which Python's answers were recorded: `answers` leads from an action of the reader
  // on a part to files with the new traits of every part.
  async function startRecorded({ layout, parts, answers, only }, el) {
    el.innerHTML = `${layout}<p class="musiclab musiclab-remarks" role="alert"></p>`;
    const [problem, placeOf] = [el.lastChild, (index) => el.querySelector(`[data-part="${index}"]`)];
    const models = await Promise.all(parts.map(async ({ state }) => new Model(await stateOf(state))));
    const player = models.find((model) => model.get("playing") !== undefined);
    let last = Promise.resolve(); // one answer at a time
    const act = (index, action, play) => {
      const files = answers[JSON.stringify([index, action])];
      placeOf(index).after(problem);
      problem.textContent = files ? "" : only;
      if (files) last = last.then(async () => {
        const changes = await Promise.all(files.map((file) => file && stateOf(file)));
        const [isPlaying, [, time]] = [play || player.get("playing"), player.get("_report")];
        player.set("playing", false); // a new sound has to be started
        changes.forEach((traits, part) => traits && models[part].update(traits));
        if (changes.some((traits) => traits?._seek)) player.set("_seek", [0, time]); // where the reader is, not the recording
        player.set("playing", isPlaying);
      });
      return Boolean(files);
    };
    await Promise.all(parts.map(({ widget, listens }, index) => {
      const [model, place] = [models[index], placeOf(index)];
      const follow = () => Object.assign(place, { hidden: !model.get("is_shown") }, widget ? {} : { innerHTML: model.get("value") });
      model.on("change:is_shown change:value", follow);
      follow();
      if (!listens) return widget && start(widget, model, place);
      model.send = ({ play, ...message }) => act(index, message, play);
      const settings = () => Object.fromEntries(listens.map((name) => [name, model.get(name)]));
      let answered = settings();
      model.save_changes = () => (act(index, settings()) ? (answered = settings()) : model.update(answered));
      return start(widget, model, place);
    }));
  }

  async function show(view) {
    const { widget, state } = view.dataset;
    try {
      const [traits] = await Promise.all([stateOf(state), widget && load(widget)]);
      const [el, still] = [0, 1].map(() => document.createElement("div"));
      still.append(...view.childNodes);
      view.append(still, el); // before rendering, because drawing needs the width
      await (widget ? start(widget, new Model(traits), el) : startRecorded(traits, el));
      still.hidden = true; // but it is printed
    } catch (error) {
      console.error(error); // and the still stays
    }
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      show(target);
    }
  }, { rootMargin: "800px" });
  for (const view of document.querySelectorAll("musiclab-view")) observer.observe(view); // the page loads this script with `defer`
})();

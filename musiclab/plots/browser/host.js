// Shows widgets on a page without Python, from their saved states.
//
// A page contains <musiclab-view data-widget="Player" data-state="0123">, around the still picture of the widget. When the
// reader comes near, the scripts Player.js and 0123.js are loaded from the folder of this file. Each calls
// musiclab.receive(name, content). They are scripts, because a page that is opened as a file can't load anything else. The
// widgets get a Model (model.js), which precedes this script.

(() => {
  const folder = new URL(".", document.currentScript.src);
  const receivers = {}; // by the name of a script: resolves the promise of its content
  const contents = {}; // promises
  const widgets = {}; // promises

  globalThis.musiclab = { receive: (name, content) => receivers[name](content) };

  const load = (name) => (contents[name] ??= new Promise((resolve, reject) => {
    receivers[name] = resolve;
    const script = document.createElement("script");
    Object.assign(script, { src: new URL(`${name}.js`, folder).href, onerror: () => reject(new Error(`${name}.js is missing`)) });
    document.head.append(script);
  }));

  // Returns the widget that a module exports.
  async function widgetOf(name) {
    const { script, style } = await load(name);
    const sheet = document.createElement("style");
    sheet.textContent = style;
    document.head.append(sheet);
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    return widget;
  }

  // Bytes are base64 in JSON, and a DataView in a widget.
  const revive = (_, value) => {
    if (typeof value?.base64 !== "string") return value;
    return new DataView(Uint8Array.from(atob(value.base64), (character) => character.charCodeAt(0)).buffer);
  };

  async function show(view) {
    const { widget: name, state } = view.dataset;
    try {
      widgets[name] ??= widgetOf(name);
      const [widget, json] = await Promise.all([widgets[name], load(state)]);
      const model = new Model(JSON.parse(json, revive));
      const { initialize, render } = typeof widget === "function" ? await widget() : widget;
      await initialize?.({ model });
      const el = document.createElement("div");
      const still = document.createElement("div");
      still.append(...view.childNodes);
      view.append(still, el); // before rendering, because drawing needs the width
      await render({ model, el });
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

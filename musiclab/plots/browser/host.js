// Shows widgets on a page without Python, from their saved states.
//
// A page contains <musiclab-view data-widget="Player" data-state="0123">, around the still picture of the widget. When the
// reader comes near, the scripts Player.js and 0123.js are loaded from the folder of this file. Each calls
// musiclab.receive(name, content). They are scripts, because a page that is opened as a file can't load anything else.

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

  // The part of a widget model that our widgets use. There is no Python to send anything to.
  class Model {
    constructor(state) {
      this.state = state;
      this.handlers = [];
    }
    get(name) { return this.state[name]; }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const [event, handler] of [...this.handlers]) {
        if (event === `change:${name}` || event === "change") handler.call(this);
      }
    }
    on(events, handler) { for (const event of events.split(" ")) this.handlers.push([event, handler]); }
    off(events, handler) {
      const names = events?.split(" ");
      this.handlers = this.handlers.filter(([event, other]) => (names && !names.includes(event)) || (handler && handler !== other));
    }
    save_changes() {}
    send() {}
  }

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
  const start = () => document.querySelectorAll("musiclab-view").forEach((view) => observer.observe(view));
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();

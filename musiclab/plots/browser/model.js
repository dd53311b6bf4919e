// Takes the place of a widget's model where there is no Python: traits that can be read, set and watched.
class Model {
  constructor(traits) { Object.assign(this, { traits, handlers: [] }); }
  get(name) { return this.traits[name]; }
  set(name, value) {
    if (this.traits[name] === value) return;
    this.traits[name] = value;
    this.tell(`change:${name}`);
  }
  update(traits) {
    Object.assign(this.traits, traits); // all of them before anybody is told
    for (const name of Object.keys(traits)) this.tell(`change:${name}`);
  }
  tell(event, message) { for (const [other, handler] of [...this.handlers]) if (other === event) handler(message); }
  on(events, handler) { for (const event of events.split(" ")) this.handlers.push([event, handler]); }
  off(events, handler) {
    this.handlers = this.handlers.filter(([event, other]) => other !== handler || !events.split(" ").includes(event));
  }
  save_changes() {}
}

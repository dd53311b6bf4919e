// Runs an exported graph: {constants, nodes, input, output}, see musiclab/runs/page.py.

class Graph {
  // `weights` is an ArrayBuffer with the values of all constants, each at its own offset.
  constructor({ constants, nodes, input, output }, weights) {
    Object.assign(this, { nodes, input, output });
    this.constants = constants.map(([type, shape, offset]) =>
      tensor(type, shape, new ARRAYS[type](weights, offset, volume(shape))));
    this.lastUses = nodes.map(() => []); // values that no later node needs, so that their memory is free again
    const seen = new Set([output]);
    for (let index = nodes.length - 1; index >= 0; index--) {
      for (const value of [...nodes[index][1], ...nodes[index][2]]) {
        if (value < constants.length || seen.has(value)) continue;
        seen.add(value);
        this.lastUses[index].push(value);
      }
    }
  }

  // Returns the log-probabilities of the segments of a waveform, one list for each segment.
  run(waveform) {
    const values = [...this.constants];
    values[this.input] = tensor("float", [1, waveform.length], waveform);
    this.nodes.forEach(([name, inputs, outputs, attributes], index) => {
      const made = operators[name](inputs.map((input) => values[input]), attributes);
      [made].flat().forEach((output, number) => { values[outputs[number]] = output; });
      for (const value of this.lastUses[index]) values[value] = undefined;
    });
    const { data, shape } = values[this.output];
    const classes = shape.at(-1);
    return Array.from({ length: data.length / classes }, (_, row) => [...data.subarray(row * classes, (row + 1) * classes)]);
  }
}

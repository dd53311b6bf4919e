// Tensors of the exported page, and the operators that only move or select values.
//
// A tensor is {type, shape, data}, in row-major order. Whole numbers are kept in doubles, which are exact up to 2^53.
// `operators` holds one function per ONNX operator: (inputs, attributes) => tensor, or a list of tensors.

const ARRAYS = { float: Float32Array, double: Float64Array, int: Float64Array, bool: Uint8Array };
const operators = {};

const volume = (shape) => shape.reduce((product, size) => product * size, 1);
const tensor = (type, shape, data = new ARRAYS[type](volume(shape))) => ({ type, shape, data });
const vector = (numbers) => tensor("int", [numbers.length], Float64Array.from(numbers));
const axisOf = (axis, shape) => (axis < 0 ? axis + shape.length : axis);

// Returns the distance in `data` between neighbours along each axis.
function stridesOf(shape) {
  const strides = new Array(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

// Copies the values at `start` + a multiple of `strides` along each axis of `shape`. A stride of 0 repeats values.
function strided({ type, data }, shape, strides, start = 0) {
  const made = tensor(type, shape);
  if (!made.data.length) return made;
  const last = shape.length - 1;
  const [length, stride] = last < 0 ? [1, 0] : [shape[last], strides[last]];
  const place = new Array(Math.max(0, last)).fill(0);
  let from = start;
  for (let to = 0; to < made.data.length; to += length) {
    if (stride === 1) made.data.set(data.subarray(from, from + length), to);
    else for (let index = 0, at = from; index < length; index++, at += stride) made.data[to + index] = data[at];
    for (let axis = last - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++place[axis] < shape[axis]) break;
      from -= place[axis] * strides[axis];
      place[axis] = 0;
    }
  }
  return made;
}

// Repeats a tensor along axes of length 1, and along new axes in front.
function expanded(source, shape) {
  if (source.shape.length === shape.length && shape.every((size, axis) => size === source.shape[axis])) return source;
  const spare = shape.length - source.shape.length;
  const own = stridesOf(source.shape);
  const strides = shape.map((_, axis) => (axis < spare || source.shape[axis - spare] === 1 ? 0 : own[axis - spare]));
  return strided(source, shape, strides);
}

function commonShape(...shapes) {
  const length = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - length + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

function transposed(source, order) {
  const strides = stridesOf(source.shape);
  return strided(source, order.map((axis) => source.shape[axis]), order.map((axis) => strides[axis]));
}

// Moves one axis to the end, calls `change` with the rows, shape (rows, length), and moves the axis back.
function alongAxis(source, axis, change) {
  const rank = source.shape.length;
  const order = [...source.shape.keys()].filter((other) => other !== axis).concat(axis);
  const rows = axis === rank - 1 ? source : transposed(source, order);
  const made = change(rows);
  return axis === rank - 1 ? made : transposed(made, order.map((_, place) => order.indexOf(place)));
}

operators.Shape = ([source]) => vector(source.shape);

operators.ConstantOfShape = ([shape], { value }) => {
  const made = tensor(value[0], [...shape.data]);
  made.data.fill(value[1]);
  return made;
};

operators.Cast = ([source], { to }) => {
  if (source.type === to) return source;
  const made = tensor(to, source.shape, ARRAYS[to].from(source.data));
  if (to === "int") made.data.forEach((value, index) => { made.data[index] = Math.trunc(value); });
  if (to === "bool") source.data.forEach((value, index) => { made.data[index] = value !== 0; });
  return made;
};

operators.Range = ([start, end, step]) => {
  const length = Math.max(0, Math.ceil((end.data[0] - start.data[0]) / step.data[0]));
  const made = tensor(start.type, [length]);
  for (let index = 0; index < length; index++) made.data[index] = start.data[0] + index * step.data[0];
  return made;
};

operators.Reshape = ([source, wanted]) => {
  const shape = [...wanted.data].map((size, axis) => (size === 0 ? source.shape[axis] : size));
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = source.data.length / -volume(shape);
  return tensor(source.type, shape, source.data);
};

operators.Flatten = ([source], { axis = 1 }) => {
  const at = axisOf(axis, source.shape);
  return tensor(source.type, [volume(source.shape.slice(0, at)), volume(source.shape.slice(at))], source.data);
};

operators.Unsqueeze = ([source, axes]) => {
  const rank = source.shape.length + axes.data.length;
  const added = [...axes.data].map((axis) => (axis < 0 ? axis + rank : axis));
  const sizes = [...source.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : sizes.shift()));
  return tensor(source.type, shape, source.data);
};

operators.Squeeze = ([source, axes]) => {
  const removed = [...axes.data].map((axis) => axisOf(axis, source.shape));
  return tensor(source.type, source.shape.filter((_, axis) => !removed.includes(axis)), source.data);
};

operators.Transpose = ([source], { perm }) => transposed(source, perm);
operators.Expand = ([source, shape]) => expanded(source, commonShape(source.shape, [...shape.data]));

operators.Tile = ([source, repeats]) =>
  [...repeats.data].reduce(
    (made, count, axis) => (count === 1 ? made : operators.Concat(new Array(count).fill(made), { axis })), source);

operators.Slice = ([source, starts, ends, axes, steps]) => {
  const shape = [...source.shape];
  const strides = stridesOf(source.shape);
  let start = 0;
  [...starts.data].forEach((from, index) => {
    const axis = axes ? axisOf(axes.data[index], shape) : index;
    const step = steps ? steps.data[index] : 1;
    const size = source.shape[axis];
    const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
    const limited = (at) => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest);
    const first = limited(from);
    start += first * strides[axis];
    shape[axis] = Math.max(0, Math.ceil((limited(ends.data[index]) - first) / step));
    strides[axis] *= step;
  });
  return strided(source, shape, strides, start);
};

operators.Concat = (inputs, { axis }) => {
  const at = axisOf(axis, inputs[0].shape);
  const shape = [...inputs[0].shape];
  shape[at] = inputs.reduce((sum, input) => sum + input.shape[at], 0);
  const made = tensor(inputs[0].type, shape);
  const width = volume(shape.slice(at));
  let from = 0;
  for (const { data, shape: own } of inputs) {
    const part = volume(own.slice(at));
    for (let row = 0; row * part < data.length; row++) {
      made.data.set(data.subarray(row * part, (row + 1) * part), row * width + from);
    }
    from += part;
  }
  return made;
};

operators.Pad = ([source, pads, value]) => {
  const rank = source.shape.length;
  const shape = source.shape.map((size, axis) => size + pads.data[axis] + pads.data[axis + rank]);
  const made = tensor(source.type, shape);
  if (value?.data[0]) made.data.fill(value.data[0]);
  const strides = stridesOf(shape);
  const own = stridesOf(source.shape);
  const length = source.shape[rank - 1];
  for (let row = 0; row < source.data.length; row += length) {
    const to = own.reduce((sum, stride, axis) =>
      sum + ((Math.floor(row / stride) % source.shape[axis]) + pads.data[axis]) * strides[axis], 0);
    made.data.set(source.data.subarray(row, row + length), to);
  }
  return made;
};

operators.Gather = ([source, indices], { axis = 0 }) => {
  const at = axisOf(axis, source.shape);
  const size = source.shape[at];
  const inner = volume(source.shape.slice(at + 1));
  const outer = volume(source.shape.slice(0, at));
  const made = tensor(source.type, [...source.shape.slice(0, at), ...indices.shape, ...source.shape.slice(at + 1)]);
  let to = 0;
  for (let row = 0; row < outer; row++) {
    for (let index of indices.data) {
      if (index < 0) index += size;
      const from = (row * size + index) * inner;
      for (let offset = 0; offset < inner; offset++) made.data[to++] = source.data[from + offset];
    }
  }
  return made;
};

// Selects values along the last axis.
operators.GatherElements = ([source, indices]) => {
  const made = tensor(source.type, indices.shape);
  const [size, count] = [source.shape.at(-1), indices.shape.at(-1)];
  indices.data.forEach((index, at) => { made.data[at] = source.data[Math.floor(at / count) * size + index]; });
  return made;
};

// Adds updates to a copy of the source, along its last axis.
operators.ScatterElements = ([source, indices, updates]) => {
  const made = tensor(source.type, source.shape, source.data.slice());
  const [size, count] = [source.shape.at(-1), indices.shape.at(-1)];
  indices.data.forEach((index, at) => { made.data[Math.floor(at / count) * size + index] += updates.data[at]; });
  return made;
};

operators.Where = ([condition, yes, no]) => {
  const shape = commonShape(condition.shape, yes.shape, no.shape);
  const [tests, first, second] = [condition, yes, no].map((input) => expanded(input, shape).data);
  const made = tensor(yes.type, shape);
  for (let at = 0; at < made.data.length; at++) made.data[at] = tests[at] ? first[at] : second[at];
  return made;
};

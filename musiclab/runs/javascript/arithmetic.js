// Operators that compute each value from the values at the same place, and operators that reduce an axis.

function map(type, f) {
  return ([source]) => {
    const made = tensor(type ?? source.type, source.shape);
    const { data } = source;
    for (let at = 0; at < data.length; at++) made.data[at] = f(data[at]);
    return made;
  };
}

function combined(first, second, type, f) {
  const shape = commonShape(first.shape, second.shape);
  const made = tensor(type ?? first.type, shape);
  const { data } = made;
  if (second.data.length === 1) {
    const [a, b] = [expanded(first, shape).data, second.data[0]];
    for (let at = 0; at < data.length; at++) data[at] = f(a[at], b);
  } else {
    const [a, b] = [expanded(first, shape).data, expanded(second, shape).data];
    for (let at = 0; at < data.length; at++) data[at] = f(a[at], b[at]);
  }
  return made;
}

const combine = (type, f) => (inputs) => inputs.slice(1).reduce((made, other) => combined(made, other, type, f), inputs[0]);

// Rounds halves to even numbers.
function roundHalfEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

operators.Abs = map(null, Math.abs);
operators.Exp = map(null, Math.exp);
operators.Floor = map(null, Math.floor);
operators.Log = map(null, Math.log);
operators.Neg = map(null, (value) => -value);
operators.Not = map("bool", (value) => !value);
operators.Relu = map(null, (value) => (value > 0 ? value : 0));
operators.Round = map(null, roundHalfEven);
operators.Sqrt = map(null, Math.sqrt);

operators.Add = combine(null, (a, b) => a + b);
operators.Sub = combine(null, (a, b) => a - b);
operators.Mul = combine(null, (a, b) => a * b);
operators.Min = combine(null, Math.min);
operators.Max = combine(null, Math.max);
operators.Mod = combine(null, (a, b) => a - b * Math.floor(a / b));
operators.And = combine("bool", (a, b) => a && b);
operators.Equal = combine("bool", (a, b) => a === b);
operators.Greater = combine("bool", (a, b) => a > b);
operators.GreaterOrEqual = combine("bool", (a, b) => a >= b);
operators.Less = combine("bool", (a, b) => a < b);
operators.LessOrEqual = combine("bool", (a, b) => a <= b);

operators.Div = ([first, second]) =>
  combined(first, second, null, first.type === "int" ? (a, b) => Math.trunc(a / b) : (a, b) => a / b);

operators.Clip = ([source, low, high]) => {
  const [lowest, highest] = [low?.data[0] ?? -Infinity, high?.data[0] ?? Infinity];
  return map(null, (value) => Math.min(Math.max(value, lowest), highest))([source]);
};

// Reductions

// Creates an operator from a function of (data, start, end), which reduces one row.
function reduce(rowValue) {
  return ([source, listed], { axes = listed && [...listed.data], keepdims = 1 }) => {
    const reduced = (axes ?? [...source.shape.keys()]).map((axis) => axisOf(axis, source.shape));
    const kept = [...source.shape.keys()].filter((axis) => !reduced.includes(axis));
    const order = [...kept, ...reduced];
    const { data } = order.every((axis, place) => axis === place) ? source : transposed(source, order);
    const shape = keepdims ? source.shape.map((size, axis) => (reduced.includes(axis) ? 1 : size))
      : kept.map((axis) => source.shape[axis]);
    const made = tensor(source.type, shape);
    const length = volume(reduced.map((axis) => source.shape[axis]));
    for (let row = 0; row < made.data.length; row++) made.data[row] = rowValue(data, row * length, (row + 1) * length);
    return made;
  };
}

function sum(data, start, end) {
  let total = 0;
  for (let at = start; at < end; at++) total += data[at];
  return total;
}

function sumOfSquares(data, start, end) {
  let total = 0;
  for (let at = start; at < end; at++) total += data[at] * data[at];
  return total;
}

function largest(data, start, end) {
  let most = -Infinity;
  for (let at = start; at < end; at++) if (data[at] > most) most = data[at];
  return most;
}

operators.ReduceSum = reduce(sum);
operators.ReduceMean = reduce((data, start, end) => sum(data, start, end) / (end - start));
operators.ReduceMax = reduce(largest);
operators.ReduceL2 = reduce((data, start, end) => Math.sqrt(sumOfSquares(data, start, end)));

operators.GlobalAveragePool = ([source]) =>
  operators.ReduceMean([source], { axes: source.shape.map((_, axis) => axis).slice(2) });

operators.ArgMax = ([source], { axis = 0, keepdims = 1 }) => {
  const indices = reduce((data, start, end) => data.subarray(start, end).indexOf(largest(data, start, end)))(
    [source], { axes: [axis], keepdims });
  return operators.Cast([indices], { to: "int" });
};

operators.CumSum = ([source, axis]) => alongAxis(source, axisOf(axis.data[0], source.shape), (rows) => {
  const made = tensor(rows.type, rows.shape);
  const length = rows.shape.at(-1);
  let total = 0;
  rows.data.forEach((value, at) => {
    total = at % length ? total + value : value;
    made.data[at] = total;
  });
  return made;
});

// Returns the values only, in order. No exported graph uses their indices.
operators.TopK = ([source, count], { axis = -1, largest: isDescending = 1 }) =>
  alongAxis(source, axisOf(axis, source.shape), (rows) => {
    const [length, most] = [rows.shape.at(-1), count.data[0]];
    const made = tensor(rows.type, [...rows.shape.slice(0, -1), most]);
    for (let row = 0; row * length < rows.data.length; row++) {
      const values = rows.data.slice(row * length, (row + 1) * length).sort();
      made.data.set(isDescending ? values.reverse().subarray(0, most) : values.subarray(0, most), row * most);
    }
    return made;
  });

function softmax(isLog) {
  return ([source], { axis = -1 }) => alongAxis(source, axisOf(axis, source.shape), (rows) => {
    const made = tensor(rows.type, rows.shape);
    const length = rows.shape.at(-1);
    for (let start = 0; start < rows.data.length; start += length) {
      const most = largest(rows.data, start, start + length);
      let total = 0;
      for (let at = start; at < start + length; at++) total += Math.exp(rows.data[at] - most);
      for (let at = start; at < start + length; at++) {
        const log = rows.data[at] - most - Math.log(total);
        made.data[at] = isLog ? log : Math.exp(log);
      }
    }
    return made;
  });
}

operators.Softmax = softmax(false);
operators.LogSoftmax = softmax(true);

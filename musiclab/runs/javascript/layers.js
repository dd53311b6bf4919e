// Layers of networks: matrix products, convolution, pooling, recurrence.
//
// All products go through `multiply`, which takes doubles: converting both sides once is cheaper than converting every
// value at every use, and sums are then as exact as those of Python or better.

const doubles = new WeakMap(); // weights in the layout that multiply() takes, kept from one recording to the next

function kept(weights, make) {
  if (!doubles.has(weights)) doubles.set(weights, make());
  return doubles.get(weights);
}

// Computes out[outAt + row * rowStride + column * columnStride] = sum over k of a[row, k] * b[column, k].
// Four rows and four columns at a time, so that each loaded value is used four times. This is where the time goes.
function multiply(a, aAt, rows, b, bAt, columns, depth, out, outAt, rowStride, columnStride) {
  for (let row = 0; row < rows; row += 4) {
    const a0 = aAt + row * depth;
    const a1 = row + 1 < rows ? a0 + depth : a0;
    const a2 = row + 2 < rows ? a1 + depth : a0;
    const a3 = row + 3 < rows ? a2 + depth : a0;
    for (let column = 0; column < columns; column += 4) {
      const b0 = bAt + column * depth;
      const b1 = column + 1 < columns ? b0 + depth : b0;
      const b2 = column + 2 < columns ? b1 + depth : b0;
      const b3 = column + 3 < columns ? b2 + depth : b0;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
      for (let k = 0; k < depth; k++) {
        const y0 = b[b0 + k], y1 = b[b1 + k], y2 = b[b2 + k], y3 = b[b3 + k];
        let x = a[a0 + k];
        s00 += x * y0; s01 += x * y1; s02 += x * y2; s03 += x * y3;
        x = a[a1 + k];
        s10 += x * y0; s11 += x * y1; s12 += x * y2; s13 += x * y3;
        x = a[a2 + k];
        s20 += x * y0; s21 += x * y1; s22 += x * y2; s23 += x * y3;
        x = a[a3 + k];
        s30 += x * y0; s31 += x * y1; s32 += x * y2; s33 += x * y3;
      }
      const sums = [s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33];
      const to = outAt + row * rowStride + column * columnStride;
      for (let down = 0; down < Math.min(4, rows - row); down++) {
        for (let across = 0; across < Math.min(4, columns - column); across++) {
          out[to + down * rowStride + across * columnStride] = sums[4 * down + across];
        }
      }
    }
  }
}

// Returns the matrices of a tensor, shape (..., rows, columns), each as (columns, rows), in doubles.
function columnsOf(source) {
  const rank = source.shape.length;
  const order = [...source.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
  return Float64Array.from(transposed(source, order).data);
}

operators.MatMul = ([first, second]) => {
  if (second.shape.length === 1) { // a vector: one column
    const product = operators.MatMul([first, kept(second, () => tensor(second.type, [second.shape[0], 1], second.data))]);
    return tensor(product.type, product.shape.slice(0, -1), product.data);
  }
  const [rows, depth] = first.shape.slice(-2);
  const columns = second.shape.at(-1);
  const stacks = [first, second].map(({ shape }) => volume(shape.slice(0, -2)));
  const shape = first.shape.length >= second.shape.length ? first.shape : second.shape;
  const made = tensor(first.type, [...shape.slice(0, -2), rows, columns]);
  const a = kept(first, () => Float64Array.from(first.data));
  const b = kept(second, () => columnsOf(second));
  for (let index = 0; index < Math.max(...stacks); index++) {
    const [aAt, bAt] = [stacks[0] > 1 ? index * rows * depth : 0, stacks[1] > 1 ? index * depth * columns : 0];
    multiply(a, aAt, rows, b, bAt, columns, depth, made.data, index * rows * columns, columns, 1);
  }
  return made;
};

// A dense layer, with weights of shape (outputs, inputs).
operators.Gemm = ([source, weights, bias]) => {
  const [rows, depth] = source.shape;
  const columns = weights.shape[0];
  const made = tensor(source.type, [rows, columns]);
  const w = kept(weights, () => Float64Array.from(weights.data));
  multiply(w, 0, columns, Float64Array.from(source.data), 0, rows, depth, made.data, 0, 1, columns);
  for (let at = 0; at < made.data.length; at++) made.data[at] += bias.data[at % columns];
  return made;
};

const PLACES = 32; // positions whose patches are multiplied at once; they stay in the cache of the processor

// A convolution over one or two axes. The patches under the kernel become rows of a matrix.
operators.Conv = ([source, weights, bias], { kernel_shape, strides, pads, dilations }) => {
  const flat = kernel_shape.length === 1; // one axis: a picture of height 1
  const [batch, channels] = source.shape;
  const [height, width] = flat ? [1, source.shape[2]] : source.shape.slice(2);
  const [kernelY, kernelX] = flat ? [1, kernel_shape[0]] : kernel_shape;
  const [strideY, strideX] = flat ? [1, strides[0]] : strides;
  const [dilationY, dilationX] = flat ? [1, dilations[0]] : dilations;
  const [top, left, bottom, right] = flat ? [0, pads[0], 0, pads[1]] : pads;
  const [paddedHeight, paddedWidth] = [height + top + bottom, width + left + right];
  const outHeight = Math.floor((paddedHeight - dilationY * (kernelY - 1) - 1) / strideY) + 1;
  const outWidth = Math.floor((paddedWidth - dilationX * (kernelX - 1) - 1) / strideX) + 1;
  const outputs = weights.shape[0];
  const [places, depth] = [outHeight * outWidth, channels * kernelY * kernelX];
  const made = tensor(source.type, flat ? [batch, outputs, outWidth] : [batch, outputs, outHeight, outWidth]);
  const w = kept(weights, () => Float64Array.from(weights.data));
  const padded = new Float64Array(channels * paddedHeight * paddedWidth);
  const patches = new Float64Array(PLACES * depth);
  for (let example = 0; example < batch; example++) {
    for (let row = 0; row < channels * height; row++) {
      const from = (example * channels * height + row) * width;
      const to = ((Math.floor(row / height) * paddedHeight) + (row % height) + top) * paddedWidth + left;
      padded.set(source.data.subarray(from, from + width), to);
    }
    for (let place = 0; place < places; place += PLACES) {
      const count = Math.min(PLACES, places - place);
      let to = 0;
      for (let index = place; index < place + count; index++) {
        const start = Math.floor(index / outWidth) * strideY * paddedWidth + (index % outWidth) * strideX;
        for (let channel = 0; channel < channels; channel++) {
          for (let y = 0; y < kernelY; y++) {
            let from = start + (channel * paddedHeight + y * dilationY) * paddedWidth;
            for (let x = 0; x < kernelX; x++, from += dilationX) patches[to++] = padded[from];
          }
        }
      }
      multiply(w, 0, outputs, patches, 0, count, depth, made.data, example * outputs * places + place, places, 1);
    }
  }
  if (bias) {
    for (let at = 0; at < made.data.length; at++) made.data[at] += bias.data[Math.floor(at / places) % outputs];
  }
  return made;
};

// Pools windows without padding over one or two axes. `value` reduces a list of `count` numbers.
function pool(value) {
  return ([source], { kernel_shape, strides, ceil_mode = 0 }) => {
    const flat = kernel_shape.length === 1;
    const [height, width] = flat ? [1, source.shape[2]] : source.shape.slice(2);
    const [kernelY, kernelX] = flat ? [1, kernel_shape[0]] : kernel_shape;
    const [strideY, strideX] = flat ? [1, strides[0]] : strides;
    const round = ceil_mode ? Math.ceil : Math.floor;
    const outHeight = round((height - kernelY) / strideY) + 1;
    const outWidth = round((width - kernelX) / strideX) + 1;
    const [batch, channels] = source.shape;
    const made = tensor(source.type, [batch, channels, ...(flat ? [outWidth] : [outHeight, outWidth])]);
    const window = new Float64Array(kernelY * kernelX);
    let to = 0;
    for (let plane = 0; plane < batch * channels; plane++) {
      for (let top = 0; top < outHeight * strideY; top += strideY) {
        for (let left = 0; left < outWidth * strideX; left += strideX) {
          let count = 0;
          for (let y = top; y < Math.min(top + kernelY, height); y++) {
            const row = (plane * height + y) * width;
            for (let x = left; x < Math.min(left + kernelX, width); x++) window[count++] = source.data[row + x];
          }
          made.data[to++] = value(window, 0, count);
        }
      }
    }
    return made;
  };
}

operators.MaxPool = pool(largest);
operators.AveragePool = pool((data, start, end) => sum(data, start, end) / (end - start));

operators.BatchNormalization = ([source, scale, shift, mean, variance], { epsilon }) => {
  const made = tensor(source.type, source.shape);
  const size = volume(source.shape.slice(2));
  const channels = source.shape[1];
  for (let plane = 0; plane * size < source.data.length; plane++) {
    const channel = plane % channels;
    const factor = scale.data[channel] / Math.sqrt(variance.data[channel] + epsilon);
    const offset = shift.data[channel] - mean.data[channel] * factor;
    for (let at = plane * size; at < (plane + 1) * size; at++) made.data[at] = source.data[at] * factor + offset;
  }
  return made;
};

// Recurrent layers

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

// Each cell gets the input part and the recurrent part of all gates, and the state of one example in `hidden` and
// `memory`, which it replaces. Gates are in the order of ONNX.
const CELLS = {
  RNN: (size, input, recurrent, hidden) => {
    for (let unit = 0; unit < size; unit++) hidden[unit] = Math.tanh(input[unit] + recurrent[unit]);
  },
  LSTM: (size, input, recurrent, hidden, memory) => {
    const gate = (number, unit) => input[number * size + unit] + recurrent[number * size + unit];
    for (let unit = 0; unit < size; unit++) {
      const forget = sigmoid(gate(2, unit));
      memory[unit] = forget * memory[unit] + sigmoid(gate(0, unit)) * Math.tanh(gate(3, unit));
      hidden[unit] = sigmoid(gate(1, unit)) * Math.tanh(memory[unit]);
    }
  },
  GRU: (size, input, recurrent, hidden) => {
    for (let unit = 0; unit < size; unit++) {
      const update = sigmoid(input[unit] + recurrent[unit]);
      const reset = sigmoid(input[size + unit] + recurrent[size + unit]);
      const candidate = Math.tanh(input[2 * size + unit] + reset * recurrent[2 * size + unit]);
      hidden[unit] = (1 - update) * candidate + update * hidden[unit];
    }
  },
};

// Inputs start from a state of zeros. Returns all hidden states and the last ones.
function recur(cell) {
  return ([source, inputWeights, recurrentWeights, bias], { hidden_size: size, direction = "forward" }) => {
    const [steps, batch, dimensions] = source.shape;
    const [directions, gates] = inputWeights.shape; // gates: number of gates times hidden size
    const every = tensor(source.type, [steps, directions, batch, size]);
    const last = tensor(source.type, [directions, batch, size]);
    const [w, r] = [inputWeights, recurrentWeights].map((one) => kept(one, () => Float64Array.from(one.data)));
    const values = Float64Array.from(source.data);
    const [input, recurrent] = [new Float64Array(steps * batch * gates), new Float64Array(gates)];
    for (let way = 0; way < directions; way++) {
      const backward = direction === "reverse" || way === 1;
      const biases = bias.data.subarray(way * 2 * gates, (way + 1) * 2 * gates);
      const wAt = way * gates * dimensions;
      multiply(values, 0, steps * batch, w, wAt, gates, dimensions, input, 0, gates, 1);
      for (let at = 0; at < input.length; at++) input[at] += biases[at % gates];
      for (let example = 0; example < batch; example++) {
        const [hidden, memory] = [new Float64Array(size), new Float64Array(size)];
        for (let step = 0; step < steps; step++) {
          const time = backward ? steps - 1 - step : step;
          multiply(r, way * gates * size, gates, hidden, 0, 1, size, recurrent, 0, 1, 1);
          for (let gate = 0; gate < gates; gate++) recurrent[gate] += biases[gates + gate];
          const from = (time * batch + example) * gates;
          cell(size, input.subarray(from, from + gates), recurrent, hidden, memory);
          every.data.set(hidden, ((time * directions + way) * batch + example) * size);
        }
        last.data.set(hidden, (way * batch + example) * size);
      }
    }
    return [every, last];
  };
}

operators.RNN = recur(CELLS.RNN);
operators.LSTM = recur(CELLS.LSTM);
operators.GRU = recur(CELLS.GRU);

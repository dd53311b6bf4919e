// What stands around the pictures of the FeatureExplorer: their frame with ticks and labels, and a colour bar.

// The frame of a picture: box {left, top, width, height} in pixels; x and y are {low, high, label, at}, where at is a
// list of [place, text].
function drawAxes(context, box, x, y, theme) {
  const bottom = box.top + box.height;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.text;
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [place, text] of x.at) {
    const across = box.left + ((place - x.low) / (x.high - x.low)) * box.width;
    context.fillRect(across, bottom, 1, 3);
    context.fillText(text, across, bottom + 5);
  }
  if (x.label) context.fillText(x.label, box.left + box.width / 2, bottom + 18);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [place, text] of y.at) {
    const down = bottom - ((place - y.low) / (y.high - y.low)) * box.height;
    context.fillRect(box.left - 4, down, 3, 1);
    context.fillText(text, box.left - 6, down);
  }
  if (y.label) {
    context.save();
    context.translate(9, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(y.label, 0, 0);
    context.restore();
  }
}

// A colour bar to the right of a box, with its unit and its ends.
function drawBar(context, box, colours, low, high, unit, theme) {
  const left = box.left + box.width + 8;
  for (let row = 0; row < box.height; row++) {
    const level = 3 * Math.round(255 * (1 - row / Math.max(1, box.height - 1)));
    context.fillStyle = `rgb(${colours[level]}, ${colours[level + 1]}, ${colours[level + 2]})`;
    context.fillRect(left, box.top + row, 9, 1.5);
  }
  context.fillStyle = theme.text;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(written(high), left + 12, box.top);
  context.textBaseline = "bottom";
  context.fillText(written(low), left + 12, box.top + box.height);
  context.textBaseline = "middle";
  context.fillText(unit, left + 12, box.top + box.height / 2);
}


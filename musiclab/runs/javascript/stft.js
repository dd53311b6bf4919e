// The operator of the Fourier transform; see plots/browser/fourier.js.

operators.STFT = ([signal, hop, window]) => {
  const [batch, samples] = signal.shape;
  const length = window.data.length;
  const frames = 1 + Math.floor((samples - length) / hop.data[0]);
  const bins = Math.floor(length / 2) + 1;
  const made = tensor(signal.type, [batch, frames, bins, 2]);
  for (let example = 0; example < batch; example++) {
    transformFrames(signal.data, example * samples, frames, hop.data[0], window.data, (frame, real, imaginary) => {
      let to = (example * frames + frame) * bins * 2;
      for (let bin = 0; bin < bins; bin++) {
        made.data[to++] = real[bin];
        made.data[to++] = imaginary[bin];
      }
    });
  }
  return made;
};

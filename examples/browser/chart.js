// Learning curves as SVG: loss by update, on a logarithmic axis of losses.
const margin = { left: 36, right: 8, top: 10, bottom: 34 };
const svg = 'http://www.w3.org/2000/svg';

/** @returns draws curves of points [update, loss] into the element, in their colours; as wide as the element is then */
export function createChart(element, maxUpdates) {
  const root = element.appendChild(make('svg', { role: 'img', 'aria-label': 'Training loss by update' }));
  return (curves) => {
    const width = Math.max(240, root.clientWidth);
    const height = Math.min(360, Math.max(220, width / 2));
    const size = { ...margin, width, height };
    root.setAttribute('viewBox', `0 0 ${width} ${height}`);
    root.setAttribute('height', height);
    const losses = curves.flatMap(({ points }) => points.map(([, loss]) => loss)).filter(Number.isFinite);
    const [low, high] = losses.length > 0 ? [Math.min(4, ...losses), Math.max(...losses)] : [4, 10];
    const [bottom, top] = [Math.log(Math.max(low * 0.95, 1e-3)), Math.log(high * 1.05)];
    const x = (update) => size.left + (update / maxUpdates) * (size.width - size.left - size.right);
    const y = (loss) => size.top + ((top - Math.log(loss)) / (top - bottom)) * (size.height - size.top - size.bottom);
    const marks = [];
    for (const loss of ticks(low, high)) {
      marks.push(make('line', { x1: size.left, x2: size.width - size.right, y1: y(loss), y2: y(loss), class: 'grid' }));
      marks.push(label(size.left - 6, y(loss) + 4, loss, 'end'));
    }
    for (let i = 0; i <= 4; i++) {
      const update = Math.round((maxUpdates * i) / 4);
      marks.push(label(x(update), size.height - size.bottom + 16, update, i === 4 ? 'end' : 'middle'));
    }
    marks.push(label((size.left + size.width) / 2, size.height - 4, 'updates', 'middle'));
    for (const { points, colour } of curves) {
      const path = points
        .filter(([, loss]) => Number.isFinite(loss))
        .map(([update, loss], i) => `${i === 0 ? 'M' : 'L'}${x(update).toFixed(1)} ${y(loss).toFixed(1)}`)
        .join('');
      marks.push(make('path', { d: path, stroke: colour, class: 'curve' }));
    }
    root.replaceChildren(...marks);
  };
}

/** Round losses between the smallest and the largest one. */
function ticks(low, high) {
  const all = [0.1, 0.2, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 15, 20, 50, 100].filter(
    (loss) => loss >= low && loss <= high,
  );
  const every = Math.ceil(all.length / 6);
  return all.filter((_, i) => i % every === 0);
}

function label(x, y, text, anchor) {
  const element = make('text', { x, y, 'text-anchor': anchor });
  element.textContent = text;
  return element;
}

function make(name, attributes) {
  const element = document.createElementNS(svg, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

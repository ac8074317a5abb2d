"""The program that draws and turns events on a page: one canvas each, and no library.

It takes its colours from the stylesheet, anew where paper turns dark or a page is printed; draws in
the pixels that the screen has; and turns by itself only where the reader does not mind motion,
until the event is taken hold of.
"""

PROGRAM = """
(() => {
  const start = (box) => {
    const data = JSON.parse(box.querySelector("script").textContent);
    const canvas = box.querySelector("canvas"), pen = canvas.getContext("2d");
    const select = box.querySelector("select"), button = box.querySelector("button");
    const first = {turn: 0.6, tilt: 0.35, near: 1};
    let view = {...first}, held = null, moving = 0, seen = false;
    const draw = () => {
      const wide = canvas.clientWidth || 760, high = Math.round(wide * 0.66);
      const fine = Math.min(window.devicePixelRatio || 1, 3);
      canvas.width = wide * fine; canvas.height = high * fine;
      const style = getComputedStyle(canvas);
      const colour = (name) => style.getPropertyValue("--" + name).trim();
      const scale = Math.min(wide, high * 1.15) / 2 / data.size * view.near;
      const c = Math.cos(view.turn), s = Math.sin(view.turn);
      const d = Math.cos(view.tilt), e = Math.sin(view.tilt);
      const place = ([x, y, z]) => {
        const a = c * z + s * x, b = c * x - s * z;
        return [wide / 2 + a * scale, high / 2 - (d * y - e * b) * scale, d * b + e * y];
      };
      pen.setTransform(fine, 0, 0, fine, 0, 0);
      pen.clearRect(0, 0, wide, high);
      pen.lineCap = pen.lineJoin = "round";
      const shown = [data.seen, data.layers[select.value]];
      for (const layer of shown) for (const line of layer.lines) {
        pen.strokeStyle = colour(line.colour); pen.lineWidth = line.width || 1;
        pen.globalAlpha = line.width ? 0.9 : 0.75;
        pen.beginPath();
        line.points.map(place).forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
        pen.stroke();
      }
      const dots = shown.flatMap((layer) => layer.dots.map((dot) => [place(dot.at), dot]));
      dots.sort((one, other) => one[0][2] - other[0][2]);
      for (const [[x, y], dot] of dots) {
        pen.fillStyle = colour(dot.colour); pen.globalAlpha = 0.55;
        pen.beginPath(); pen.arc(x, y, dot.radius * Math.sqrt(view.near), 0, 7); pen.fill();
      }
      canvas.dataset.turn = view.turn.toFixed(3);
    };
    const step = () => {
      if (!moving) return;
      if (seen) { view.turn += 0.004; draw(); }
      moving = requestAnimationFrame(step);
    };
    const move = (on) => {
      cancelAnimationFrame(moving); moving = on ? requestAnimationFrame(step) : 0;
      button.setAttribute("aria-pressed", String(on)); button.textContent = on ? "stop" : "turn";
    };
    canvas.addEventListener("pointerdown", (p) => {
      held = {x: p.clientX, y: p.clientY, ...view}; canvas.setPointerCapture(p.pointerId);
      move(false);
    });
    canvas.addEventListener("pointermove", (p) => {
      if (!held) return;
      view.turn = held.turn + (p.clientX - held.x) / 150;
      view.tilt = Math.max(-1.5, Math.min(1.5, held.tilt + (p.clientY - held.y) / 150));
      draw();
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => { held = null; });
    canvas.addEventListener("keydown", (p) => {
      const keys = {
        ArrowLeft: () => { view.turn -= 0.1; }, ArrowRight: () => { view.turn += 0.1; },
        ArrowUp: () => { view.tilt = Math.max(-1.5, view.tilt - 0.1); },
        ArrowDown: () => { view.tilt = Math.min(1.5, view.tilt + 0.1); },
        "+": () => { view.near = Math.min(8, view.near * 1.25); },
        "-": () => { view.near = Math.max(0.5, view.near / 1.25); },
        Home: () => { view = {...first}; },
      };
      if (!(p.key in keys)) return;
      p.preventDefault(); move(false); keys[p.key](); draw();
    });
    select.addEventListener("change", draw);
    button.addEventListener("click", () => move(!moving));
    new ResizeObserver(draw).observe(box);
    new IntersectionObserver((found) => { seen = found.at(-1).isIntersecting; }).observe(canvas);
    for (const medium of ["(prefers-color-scheme: dark)", "print"])
      matchMedia(medium).addEventListener("change", draw);
    draw();
    move(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  };
  document.querySelectorAll(".turning").forEach(start);
})();
"""

"use strict";
// A crosshair that follows the pointer over a timeline. Everything it says is text of this file already.
for (const plot of document.querySelectorAll(".plot")) {
  const cross = plot.querySelector(".cross");
  const flag = cross.firstElementChild;
  const axis = plot.querySelector(".axis .track");
  const total = Number(plot.dataset.total);
  let hovered = null;
  let words = "";
  const leave = () => {
    if (hovered) hovered.textContent = words;
    hovered = null;
    words = "";
  };
  const point = (target) => {
    const own = target.querySelector(":scope > title");
    const title = own || target.closest(".track")?.querySelector(":scope > title");
    if (title === hovered) return;
    leave();
    if (!title) return;
    hovered = title;
    words = title.textContent;
    title.textContent = ""; // else the browser shows it a second time
  };
  plot.addEventListener("pointermove", (e) => {
    const box = axis.getBoundingClientRect();
    const around = plot.getBoundingClientRect();
    const share = (e.clientX - box.left) / (box.width * 0.99);
    point(e.target);
    cross.hidden = share < 0 || share > 1.01;
    const seconds = Math.min(Math.max(share, 0), 1) * total;
    flag.textContent = seconds.toFixed(total < 10 ? 2 : 1) + " s" + (words ? " · " + words : "");
    cross.style.left = e.clientX - around.left + "px";
    const y = e.clientY - around.top;
    const fits = y + 14 + flag.offsetHeight < around.height;
    flag.style.top = (fits ? y + 14 : Math.max(4, y - flag.offsetHeight - 10)) + "px";
    cross.classList.toggle("left", share > 0.5);
  });
  plot.addEventListener("pointerleave", () => {
    cross.hidden = true;
    leave();
  });
}

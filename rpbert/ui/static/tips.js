/* The words of the glossary: what one means is shown to pointer and keyboard alike, until it is left or Escape pressed. */
(() => {
  "use strict";
  const tip = Object.assign(document.createElement("div"), { id: "explanation", hidden: true });
  tip.setAttribute("role", "tooltip");
  let shown = null;

  function explain(term) {
    shown = term;
    tip.hidden = !term;
    if (!term) return;
    document.body.append(tip);
    tip.textContent = term.dataset.tip;
    term.setAttribute("aria-describedby", tip.id);
    const box = term.getBoundingClientRect(), below = box.bottom + 6;
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${below + tip.offsetHeight < innerHeight ? below : box.top - tip.offsetHeight - 6}px`;
  }
  const termOf = (event) => event.target.closest?.(".term");

  for (const name of ["pointerover", "focusin"]) document.addEventListener(name, (event) => { if (termOf(event)) explain(termOf(event)); });
  for (const name of ["pointerout", "focusout"]) document.addEventListener(name, (event) => { if (termOf(event)) explain(null); });
  document.addEventListener("scroll", () => { if (shown) explain(shown); }, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") explain(null); });
})();

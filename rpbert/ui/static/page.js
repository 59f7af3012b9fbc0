/* What the page does by itself, without asking the server: maps at a glance, typing, addresses, files to save.
   It reads data attributes that the templates wrote, and writes text with textContent only. */
(() => {
  "use strict";
  const RAISES = "255, 200, 0", LOWERS = "50, 0, 140", OPACITY = 0.85;
  const TYPED = 150, RESTED = 1200; // milliseconds
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  const turn = (element, name, on) => { if (element && element.hasAttribute(name) !== on) element.toggleAttribute(name, on); };

  // ---- maps ---------------------------------------------------------------------------------------------------

  let chosen = "", looked = null, pointed = null, analysis = "", raw = "", maps = {};

  function readMaps() {
    const written = find("#maps .map-data")?.dataset.maps ?? "";
    if (written === raw) return;
    const data = written ? JSON.parse(written) : { analysis: "", maps: {} };
    if (data.analysis !== find("#figure .map")?.dataset.key) return; // of another tweet: late, or early
    raw = written;
    maps = data.maps;
    if (data.analysis !== analysis) {
      analysis = data.analysis;
      looked = null;
    }
  }

  function paint() {
    const figure = find("#figure .map");
    const frame = figure && find(".map-frame", figure);
    if (!frame) return;
    const map = maps[looked ?? chosen];
    const on = find(".map-on", figure).checked && Boolean(map);
    frame.classList.toggle("plain", !on);
    frame.classList.toggle("signed", find(".map-signs", figure).checked);
    const scale = map ? map.scale / Number(find(".map-strength", figure).value) : 1;
    all(".cells i", frame).forEach((cell, number) => {
      const share = map ? Math.max(-1, Math.min(1, map.cells[number] / scale)) : 0;
      const colour = `rgba(${share > 0 ? RAISES : LOWERS}, ${(OPACITY * Math.abs(share)).toFixed(3)})`;
      if (cell.dataset.share !== colour) {
        cell.dataset.share = colour;
        cell.style.backgroundColor = colour;
        cell.dataset.sign = Math.abs(share) < 0.15 ? "" : share > 0 ? "+" : "−";
      }
    });
    all("polygon", frame).forEach((box) => {
      const share = map ? Math.max(-1, Math.min(1, (map.cells[49 + Number(box.dataset.line)] ?? 0) / scale)) : 0;
      const colour = on ? `rgba(${share > 0 ? RAISES : LOWERS}, ${(OPACITY * Math.abs(share)).toFixed(3)})` : "none";
      if (box.getAttribute("fill") !== colour) box.setAttribute("fill", colour);
    });
    say(find(".map-title", figure), map ? map.title : "");
    const coming = !Object.keys(maps).length && find("#details [data-coming]");
    const none = coming ? "The maps follow in a few seconds." : "There is no map of this yet.";
    say(find(".map-sentence", figure), pointed ?? (map ? map.sentence : none));
    const unit = map && map.unit === "nats" ? " nats" : "";
    say(find(".bar-low", figure), map ? `lowers it −${scale.toPrecision(2)}` : "");
    say(find(".bar-high", figure), map ? `+${scale.toPrecision(2)}${unit} raises it` : "");
  }

  function show() {
    const key = looked ?? chosen;
    all("#names [data-key], #relation [data-key]").forEach((element) => {
      element.classList.toggle("chosen", element.dataset.key === chosen);
      if (element.hasAttribute("aria-pressed")) {
        const pressed = String(element.dataset.key === chosen);
        if (element.getAttribute("aria-pressed") !== pressed) element.setAttribute("aria-pressed", pressed);
      }
    });
    all("#cards .card").forEach((card) => turn(card, "hidden", card.dataset.card !== key));
    find("#details")?.classList.toggle("of-another", key !== chosen); // the verdict is on the map of what is chosen
    paint();
  }

  function noteOfCell(event) {
    const frame = event.target.closest(".map-frame");
    const map = maps[looked ?? chosen];
    if (!frame || !map || !map.hidden) return;
    const box = frame.getBoundingClientRect();
    const column = Math.min(6, Math.floor((7 * (event.clientX - box.left)) / box.width));
    const row = Math.min(6, Math.floor((7 * (event.clientY - box.top)) / box.height));
    const name = "ABCDEFG"[column] + (row + 1);
    pointed = `Hiding this cell (${name}): ${map.now.toFixed(2)} → ${map.hidden[7 * row + column].toFixed(2)}.`;
    say(find("#figure .map-sentence"), pointed);
  }

  function choose(element) {
    chosen = element.dataset.key;
    looked = null;
    show();
    element.dispatchEvent(new CustomEvent("choose", { bubbles: true, detail: { key: chosen } }));
    if (window.innerWidth < 700) find("#figure")?.scrollIntoView({ block: "nearest" });
  }

  // ---- what the server changed --------------------------------------------------------------------------------

  let known = "";
  const told = new Set(); // the mistakes that were in sight, by their times; gradio writes the next into the same element

  function bringIntoSight(mistake) {
    if (told.has(mistake.dataset.told) || !mistake.offsetParent) return;
    told.add(mistake.dataset.told);
    mistake.scrollIntoView({ block: "nearest" });
  }

  function refresh() {
    const names = find("#names .names");
    if (!names) return;
    readMaps();
    window.rpbert.keepWhatIsShown();
    window.rpbert.bringBack();
    if (names.dataset.whole === "yes" && names.dataset.chosen + analysis !== known) {
      known = names.dataset.chosen + analysis;
      chosen = names.dataset.chosen;
      looked = null;
    }
    readOvertaken(names);
    find("#page")?.classList.toggle("edited", names.dataset.whole !== "yes" || unread());
    find("#page")?.classList.toggle("unread", unread());
    all(".mistake").forEach(bringIntoSight);
    const mistake = find("#message .mistake");
    find("#page")?.classList.toggle("stale", Boolean(mistake));
    const whose = [...names.dataset.text.trim().replace(/\s+/g, " ")].slice(0, 80).join("");
    const note = mistake && find(".stale-note", mistake);
    say(note && find("bdi", note), whose);
    turn(note, "hidden", false);
    show();
    const walk = find(".walk");
    if (walk && !find(".walk-place", walk).textContent) window.rpbert.beginWalk(walk);
  }

  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; refresh(); });
  };

  // ---- typing -------------------------------------------------------------------------------------------------

  let typed, rested, overtaken, last;

  const unread = () => (find("#tweet textarea")?.value ?? "") !== find("#names .names").dataset.text;

  function typing() {
    for (const timer of [typed, rested, overtaken]) clearTimeout(timer);
    typed = setTimeout(() => find("#typed")?.click(), TYPED);
    rested = setTimeout(() => find("#rested")?.click(), RESTED);
    later();
  }

  // A reading can end after a later one, as that of a picture which was chosen before the tweet was changed. Then the tweet
  // in the box is read once more, with that picture.
  function readOvertaken(names) {
    const result = `${names.dataset.text} ${find("#figure .map")?.dataset.key}`;
    if (names.dataset.whole !== "yes" || result === last) return;
    last = result;
    clearTimeout(overtaken);
    overtaken = setTimeout(() => { if (unread()) find("#rested")?.click(); }, TYPED);
  }

  // ---- addresses and files ------------------------------------------------------------------------------------

  let shown = location.search;

  function follow(query) {
    if (!query || location.search === `?${query}`) return;
    const before = new URLSearchParams(location.search), after = new URLSearchParams(query);
    const same = ["text", "picture"].every((name) => before.get(name) === after.get(name));
    history[same ? "replaceState" : "pushState"](null, "", `${location.pathname}?${query}`);
    shown = location.search;
  }

  function save(written) {
    if (!written) return;
    const file = JSON.parse(written);
    const bytes = file.base64 ? Uint8Array.from(atob(file.base64), (letter) => letter.charCodeAt(0)) : file.text;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: file.type }));
    link.download = file.name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  Object.assign((window.rpbert ??= {}), { follow, save });

  // ---- events -------------------------------------------------------------------------------------------------

  const keyed = (event) => event.target.closest?.("#names [data-key], #relation [data-key]");
  const look = (event) => { const element = keyed(event); if (element) { looked = element.dataset.key; show(); } };
  const leave = (event) => { if (keyed(event) && !event.relatedTarget?.closest?.("[data-key]")) { looked = null; show(); } };
  document.addEventListener("pointerover", look);
  document.addEventListener("pointerout", leave);
  document.addEventListener("focusin", look);
  document.addEventListener("focusout", leave);
  document.addEventListener("pointermove", noteOfCell);
  document.addEventListener("pointerout", (event) => { if (event.target.closest?.(".map-frame")) { pointed = null; paint(); } });
  document.addEventListener("click", (event) => {
    const example = event.target.closest?.("#examples [data-key]");
    if (example) example.dispatchEvent(new CustomEvent("choose", { bubbles: true, detail: { key: example.dataset.key } }));
    else if (keyed(event)) choose(keyed(event));
    else if (event.target.closest?.(".map-full")) event.target.closest(".map").requestFullscreen();
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("#tweet textarea")) typing();
    if (event.target.matches(".map-on, .map-signs, .map-strength")) paint();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("#tweet textarea")) {
      event.preventDefault();
      clearTimeout(typed);
      clearTimeout(rested);
      find("#analyse")?.click();
    }
  });
  addEventListener("popstate", () => { if (location.search !== shown) location.reload(); }); // not for the skip link

  function start() {
    if (!find("#names .names") || !window.rpbert.fileInput()) return setTimeout(start, 50);
    new MutationObserver(later).observe(find("#page"), {
      subtree: true, childList: true, characterData: true, attributes: true,
      attributeFilter: ["data-maps", "data-text", "data-whole", "data-chosen", "data-card", "data-key", "data-told", "hidden", "src", "aria-pressed"],
    });
    refresh();
  }
  start();
})();

/* Pictures on their way to the server: chosen, pasted, dropped; kept for a reload; and why one was refused. */
(() => {
  "use strict";
  const KEPT = "rpbert-picture", KEEP_AT_MOST = 3e6; // an own picture outlives a reload, in this browser tab alone
  const opened = new URLSearchParams(location.search); // the address changes as soon as the tweet is read without it
  const find = (selector) => document.querySelector(selector);
  const fileInput = () => find("#input-buttons input[type=file]");

  function feed(file, where = "#input-buttons") {
    const input = find(`${where} input[type=file]`);
    if (!input) return false;
    const list = new DataTransfer();
    list.items.add(file);
    input.files = list.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  // ---- an own picture after a reload --------------------------------------------------------------------------

  let offered = null; // promise of a file that the server may still refuse, as it would be kept; "" if it is too large
  let brought = false;
  let before = null; // the picture that was shown when it was chosen

  const shown = () => find("#figure img")?.src;

  const written = (file) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(JSON.stringify({ name: file.name, data: reader.result }));
    reader.readAsDataURL(file);
  });

  function offer(file) {
    keepWhatIsShown(); // the one before, if its analysis has only just come
    [offered, before] = [file.size > KEEP_AT_MOST ? "" : written(file), shown()];
  }

  async function keepWhatIsShown() {
    if (offered === null || shown() === before || !find("#figure .map")?.hasAttribute("data-own")) return;
    const file = offered;
    offered = null;
    sessionStorage.removeItem(KEPT);
    const data = await file;
    if (data) sessionStorage.setItem(KEPT, data);
  }

  // To a link with an own picture the server answers by a notice that it has none. Given earlier, the picture would be lost
  // to that answer.
  async function bringBack() {
    if (brought || opened.get("picture") !== "own" || !find("#message .notice")) return;
    brought = true;
    const kept = sessionStorage.getItem(KEPT);
    if (!kept) return;
    const { name, data } = JSON.parse(kept);
    const blob = await (await fetch(data)).blob();
    feed(new File([blob], name, { type: blob.type }));
  }

  document.addEventListener("change", (event) => {
    if (event.target === fileInput() && event.target.files[0]) offer(event.target.files[0]);
  }, true);

  // ---- pasted and dropped -------------------------------------------------------------------------------------

  const pictureIn = (transfer) => [...(transfer?.files ?? [])][0];
  const place = () => (find("#what-if-other")?.offsetParent ? "#what-if-other" : "#input-buttons");

  document.addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (file && feed(file, place())) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => { if (event.target.closest?.("#figure")) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    const file = event.target.closest?.("#figure") && pictureIn(event.dataTransfer);
    if (file) { event.preventDefault(); feed(file); }
  });

  // ---- refused ------------------------------------------------------------------------------------------------

  // gradio puts "HTTP 400: " before the sentence with which the server refuses an upload.
  new MutationObserver(() => {
    for (const toast of document.querySelectorAll("[data-testid=toast-text]")) {
      const text = [...toast.childNodes].find((node) => /^HTTP \d+: /.test(node.nodeValue ?? ""));
      if (text) text.nodeValue = text.nodeValue.replace(/^HTTP \d+: /, "");
    }
  }).observe(document.documentElement, { subtree: true, childList: true });

  Object.assign((window.rpbert ??= {}), { fileInput, keepWhatIsShown, bringBack });
})();

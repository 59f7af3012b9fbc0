/* How it works: one step a screen, the gate as a valve, the class's votes, presenter mode. */
(() => {
  "use strict";
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  function step(walk, number) {
    const steps = all(".step", walk);
    const wanted = String(Math.min(steps.length, Math.max(1, number)));
    steps.forEach((section) => section.toggleAttribute("hidden", section.dataset.step !== wanted));
    all(".part", walk).forEach((part) => part.classList.toggle("open", part.dataset.step === wanted));
    say(find(".walk-place", walk), `Step ${wanted} of ${steps.length}`);
  }
  const placeIn = (walk) => Number(find(".step:not([hidden])", walk)?.dataset.step ?? 1);

  function drag(walk) {
    const value = Number(find(".valve", walk).value);
    all(".valve-hand, .flow", walk).forEach((element) => element.style.setProperty("--gate", value));
    find(".valve-grip", walk).setAttribute("aria-valuenow", value.toFixed(2));
    say(find(".gate-value", walk), value.toFixed(2));
    say(find(".valve-value", walk), value.toFixed(2));
    const scans = JSON.parse(walk.dataset.scans), place = Math.round(20 * value);
    const told = scans.map((scan) => `${scan.text}: ${scan.best[place] ?? "not a name"}` +
      ` (its own type ${scan.confidences[place].toFixed(2)})`);
    say(find(".valve-names", walk), told.length ? `At gate ${value.toFixed(2)}: ${told.join(", ")}.` : "There are no names.");
  }

  function setValve(walk, value) {
    const slider = find(".valve", walk);
    slider.value = value; // which keeps it from 0 to 1
    drag(walk);
  }

  // Upright the valve is shut (0), lying in the pipe it is open (1); both ends of the hand turn it.
  function turnValve(grip, event) {
    const box = find("circle", grip).getBoundingClientRect();
    const right = event.clientX - (box.left + box.width / 2), up = box.top + box.height / 2 - event.clientY;
    const degrees = ((Math.atan2(right, up) * 180) / Math.PI + 180) % 180;
    setValve(grip.closest(".walk"), degrees <= 90 ? degrees / 90 : degrees < 135 ? 1 : 0);
  }

  function nudgeValve(grip, key) {
    const change = { ArrowRight: 0.05, ArrowUp: 0.05, ArrowLeft: -0.05, ArrowDown: -0.05, Home: -1, End: 1 }[key];
    if (!change) return false;
    setValve(grip.closest(".walk"), Number(find(".valve", grip.closest(".walk")).value) + change);
    return true;
  }

  function vote(button) {
    const box = button.closest(".votes");
    const count = find(`[data-votes="${CSS.escape(button.dataset.key)}"]`, box);
    const change = button.matches(".vote-more") ? 1 : -1;
    say(count, String(Math.max(0, Number(count.textContent) + change)));
    const votes = all("[data-votes]", box);
    const most = votes.reduce((best, one) => (Number(one.textContent) > Number(best.textContent) ? one : best));
    const options = all("#story-guess input[type=radio]");
    if (Number(most.textContent)) options[votes.indexOf(most)]?.click(); // the answers stand in the same order
  }

  function openStep(target) {
    const walk = target.closest(".walk");
    if (!walk) return false;
    if (target.closest(".part")) step(walk, Number(target.closest(".part").dataset.step));
    else if (target.closest(".valve-grip")) step(walk, 5);
    else if (target.closest(".walk-next")) step(walk, placeIn(walk) + 1);
    else if (target.closest(".walk-previous")) step(walk, placeIn(walk) - 1);
    else return false;
    return true;
  }

  function present(button) {
    const on = document.body.classList.toggle("presenter");
    find("#page").classList.toggle("presenter", on); // gradio confines the rules of page.css to what is in its container
    button.setAttribute("aria-pressed", String(on));
    say(button, on ? "Leave presenter mode" : "Presenter mode");
  }

  function screen(model) {
    find("#page").classList.toggle("on-model", model);
    say(find(".presenter-screen"), model ? "To the stories" : "To the model");
  }

  Object.assign((window.rpbert ??= {}), { beginWalk: (walk) => step(walk, placeIn(walk)) });

  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!target.closest || openStep(target)) return;
    if (target.closest(".votes button")) vote(target.closest("button"));
    else if (target.closest(".presenter-toggle")) present(target);
    else if (target.closest(".presenter-screen")) screen(!find("#page").classList.contains("on-model"));
    else if (target.closest("#story-walk")) screen(true);
  });
  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.(".valve-grip");
    if (!grip) return;
    grip.setPointerCapture(event.pointerId);
    turnValve(grip, event);
  });
  document.addEventListener("pointermove", (event) => {
    const grip = event.target.closest?.(".valve-grip");
    if (grip?.hasPointerCapture(event.pointerId)) turnValve(grip, event);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches(".valve")) drag(event.target.closest(".walk"));
  });
  document.addEventListener("keydown", (event) => {
    const pressed = event.key === "Enter" || event.key === " ";
    if (pressed && event.target.matches?.(".part") && openStep(event.target)) event.preventDefault();
    if (event.target.matches?.(".valve-grip") && nudgeValve(event.target, event.key)) event.preventDefault();
  });
})();

// What the console adds where there is JavaScript: it refreshes itself, and ids can be copied.
// Without it every page is complete; nothing here knows what the figures mean.
"use strict";

(() => {
  const REFRESH_MS = 2000;
  const GIVE_UP_MS = 8000;
  const SLOWEST_MS = 15000;

  // --- ids that can be copied -------------------------------------------------------------------

  function addCopyButtons(root) {
    for (const node of root.querySelectorAll("[data-copy]")) {
      const text = node.dataset.copy || node.textContent.trim();
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.setAttribute("aria-label", `Copy ${text}`);
      button.dataset.copies = text;
      node.after(button);
    }
  }

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copies);
    } catch {
      // Without permission (or over plain HTTP from afar) a browser lets only a selection be copied.
      const area = document.createElement("textarea");
      area.value = button.dataset.copies;
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = "copied";
    button.classList.add("done");
    setTimeout(() => {
      button.textContent = "";
      button.classList.remove("done");
    }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });

  // --- the page, kept fresh ---------------------------------------------------------------------

  const page = document.querySelector("main[data-live]");
  const place = document.querySelector("[data-live-state]");
  let paused = false;
  let failures = 0;
  let timer = 0;

  const morphing = {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed(old, fresh) {
        if (old.nodeName === "FORM") return false; // somebody may be typing
        if (old.classList && old.classList.contains("chart")) {
          if (fresh.dataset) window.recoupCharts.update(old, fresh.dataset.chart);
          return false;
        }
        if (old.nodeName === "BUTTON" && old.classList.contains("copy")) {
          return old.dataset.copies !== fresh.dataset.copies;
        }
        return true;
      },
      beforeAttributeUpdated(name, node) {
        return !(name === "open" && node.nodeName === "DETAILS"); // what was opened stays open
      },
    },
  };

  async function refresh() {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = fresh.querySelector("main[data-live]");
    if (!main) throw new Error("it answered something else");
    if (paused || selecting()) return;
    addCopyButtons(main);
    Idiomorph.morph(page, main.innerHTML, morphing);
    document.querySelector("footer time").textContent = fresh.querySelector("footer time").textContent;
    if (window.recoupCharts) window.recoupCharts.drawAll(page);
  }

  // Replacing what somebody is about to copy would take it out of their hands.
  function selecting() {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && page.contains(selection.anchorNode);
  }

  async function turn() {
    clearTimeout(timer);
    if (!paused && !document.hidden) {
      try {
        await refresh();
        failures = 0;
        say("");
      } catch (error) {
        failures += 1;
        if (failures > 1) say(`The gateway doesn't answer (${error.message}): these figures are old.`);
      }
    }
    timer = setTimeout(turn, Math.min(REFRESH_MS * 2 ** failures, SLOWEST_MS));
  }

  let notice = null;

  function say(text) {
    if (!text && !notice) return;
    if (!notice) {
      notice = document.createElement("p");
      notice.className = "headline act small";
      notice.setAttribute("role", "alert");
      page.before(notice);
      notice.classList.add("frame");
    }
    notice.textContent = text;
    notice.hidden = !text;
  }

  function addPauseButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pause";
    const tell = () => {
      button.textContent = paused ? "Go on" : "Pause";
      place.textContent = paused ? "Paused. " : "Live, every 2 s. ";
      place.append(button);
    };
    button.addEventListener("click", () => {
      paused = !paused;
      tell();
      button.focus();
      if (!paused) turn();
    });
    tell();
  }

  addCopyButtons(document);
  if (window.recoupCharts) window.recoupCharts.drawAll(document);
  if (page && place) {
    addPauseButton();
    timer = setTimeout(turn, REFRESH_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); });
  }
})();

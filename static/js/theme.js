// Sets the theme before the first paint. The admin keeps its choice under the same key, so both agree.
"use strict";

(() => {
  const root = document.documentElement;
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = kept("theme");
  root.dataset.theme = theme === "dark" || theme === "light" ? theme : "auto";
  root.classList.add("scripted");
  root.toggleAttribute("data-private", kept("private") === "yes");
})();

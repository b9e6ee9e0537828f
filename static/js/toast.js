// News that stays on the page until dismissed (shell.js listens for that).

function part(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** A message that stays until dismissed. kind: "ok", "warn", "bad" or nothing; href: where it leads. */
export function toast(text, { kind = "", href = "" } = {}) {
  const notice = part("div", kind ? `notice notice-${kind}` : "notice", "");
  notice.dataset.notice = "";
  const words = part(href ? "a" : "p", "", text);
  if (href) words.href = href;
  const close = part("button", "btn btn-quiet btn-icon", "×");
  close.type = "button";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss this message");
  notice.append(words, close);
  document.getElementById("toasts").append(notice);
  return notice;
}

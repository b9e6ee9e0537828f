// Reviews of changes and groups: the button that sends locks at once. The key in the form is what keeps a second click
// harmless; this is politeness.

const form = document.getElementById("send");

form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  form.querySelector("button[type=submit]:not([form])").setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => delete form.dataset.sent);

// The receipt's print button: on paper the broker's words are opened up.

const details = () => document.querySelectorAll("details:has(.payload)");

addEventListener("beforeprint", () => {
  for (const one of details()) {
    one.dataset.wasOpen = one.open ? "yes" : "";
    one.open = true;
  }
});

addEventListener("afterprint", () => {
  for (const one of details()) {
    one.open = one.dataset.wasOpen === "yes";
  }
});

document.querySelector("[data-print]")?.addEventListener("click", () => print());

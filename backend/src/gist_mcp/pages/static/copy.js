// Shows the copy buttons and makes them work. Without this script, or where the browser has no
// clipboard, the buttons stay hidden, and people select the text by hand.
"use strict";

const copyStatus = document.getElementById("copy-status");

function textOf(element) {
  return "value" in element ? element.value : element.textContent;
}

async function copy(button, source) {
  try {
    await navigator.clipboard.writeText(textOf(source));
  } catch {
    if ("select" in source) source.select();
    copyStatus.textContent = "Copying is not allowed here. Select the text and copy it.";
    return;
  }
  const label = button.textContent;
  button.textContent = "Copied";
  copyStatus.textContent = "Copied to the clipboard.";
  setTimeout(() => { button.textContent = label; }, 2000);
}

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", () => copy(button, source));
  }
}

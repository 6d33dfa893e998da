// The handle of each pair of pictures: its value is the share of the width that shows the first picture.
for (const pair of document.querySelectorAll(".compare")) {
  const handle = pair.querySelector("input");
  const show = () => pair.style.setProperty("--at", handle.value + "%");
  handle.addEventListener("input", show);
  show();
}

// A link of the app that was drawn by hand moves inside the app, as the browser's own way back and forth does; with a
// key held, in a new tab, or without this script it is a link like any other.
window.movesInside ??= (document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-inside]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  link.closest("[popover]:popover-open")?.hidePopover();
  history.pushState({}, "", link.href);
  dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}), true);

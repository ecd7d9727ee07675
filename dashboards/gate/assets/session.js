// Leaves a page whose session has ended, so that its figures do not stay on the screen.
(() => {
  const everyMs = 30000;
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/gate/session", { cache: "no-store", credentials: "same-origin", redirect: "manual" });
      if (answer.status === 401) {
        location.replace("/sign-in?ended=1&next=" + encodeURIComponent(location.pathname + location.search));
      }
    } catch {
      // The server or the network is unavailable; Streamlit shows that itself.
    }
  };
  // The server closes the live connection when the session ends: check immediately.
  window.WebSocket = class extends WebSocket {
    constructor(...how) {
      super(...how);
      this.addEventListener("close", look);
    }
  };
  setInterval(look, everyMs);
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  addEventListener("online", look);
})();

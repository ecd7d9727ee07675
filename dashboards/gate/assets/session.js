// Leaves a page whose session has ended: what it shows must not stay on the screen.
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
      // The server or the network is away; Streamlit says so itself.
    }
  };
  // The server closes the live connection with the session: look at once.
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

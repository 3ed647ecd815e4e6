// tunesmith.poll(element, ask): calls `ask` now and then while the element is in the page. `ask` gets a `get` that
// fetches an address and the signal that ends the turn, and answers with the milliseconds until the next time.
(() => {
  const tunesmith = window.tunesmith;
  const TIMEOUT = 20_000;
  const LONGEST_WAIT = 10_000;

  class Unreachable extends Error {}
  class LoggedOut extends Unreachable {}

  async function get(address, signal, accept = "application/json") {
    try {
      const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
      const answer = await fetch(address, { headers: { accept }, signal: either });
      if (answer.status === 401) throw new LoggedOut(address);
      if (answer.status >= 500) throw new Error(`The studio answered ${answer.status}.`);
      return { ok: answer.ok, status: answer.status, text: await answer.text() };
    } catch (error) {
      if (error instanceof LoggedOut) throw error;
      throw new Unreachable(address, { cause: error });
    }
  }

  // The line at the bottom that says when the server is gone, or does not know this browser any more.
  const lost = new Set();
  function connection(element, fine, loggedOut = false) {
    const before = lost.size > 0;
    fine ? lost.delete(element) : lost.add(element);
    if (lost.size > 0 !== before) document.dispatchEvent(new CustomEvent("tunesmith-connection", { detail: !before }));
    const line = document.getElementById("ts-connection");
    if (!line) return;
    if (!fine) say(line, loggedOut);
    line.hidden = lost.size === 0;
  }

  function say(line, loggedOut) {
    if (loggedOut === Boolean(line.querySelector("a"))) return; // said already, and perhaps read or focused now
    if (!loggedOut) return line.replaceChildren("Connection lost. Retrying.");
    const href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    line.replaceChildren("You are logged out. ", Object.assign(document.createElement("a"), { href, textContent: "Log in" }));
  }

  // A turn is one call of `ask`. The next turn aborts what the one before has not fetched yet, so that an old answer
  // never comes after a new one. A hidden tab rests once it has something to show.
  class Poll {
    constructor(element, ask) {
      this.element = element;
      this.ask = ask;
    }

    start() {
      this.stop();
      this.answered = false;
      this.failures = 0;
      this.listening = new AbortController();
      const { signal } = this.listening;
      document.addEventListener("visibilitychange", () => this.now(), { signal });
      document.addEventListener("tunesmith-refresh", () => this.now(), { signal });
      this.now();
    }

    stop() {
      this.listening?.abort();
      this.pause();
      connection(this.element, true);
    }

    pause() {
      clearTimeout(this.timer);
      this.turn?.abort();
    }

    async now() {
      if (document.hidden && this.answered) return clearTimeout(this.timer);
      this.pause();
      const { signal } = (this.turn = new AbortController());
      const wait = await this.take(signal);
      if (!signal.aborted) this.timer = setTimeout(() => this.now(), wait);
    }

    async take(signal) {
      try {
        const wait = await this.ask((address, accept) => get(address, signal, accept), signal);
        if (!signal.aborted) this.succeeded();
        return wait;
      } catch (error) {
        if (!signal.aborted && !(error instanceof Unreachable)) reportError(error);
        return signal.aborted ? 0 : this.failed(error instanceof LoggedOut);
      }
    }

    succeeded() {
      this.answered = true;
      this.failures = 0;
      connection(this.element, true);
    }

    failed(loggedOut) {
      this.failures += 1;
      connection(this.element, false, loggedOut);
      return Math.min(LONGEST_WAIT, 1000 * 1.6 ** this.failures);
    }
  }

  tunesmith.get = get;
  tunesmith.poll = (element, ask) => new Poll(element, ask);
  tunesmith.refresh = () => document.dispatchEvent(new CustomEvent("tunesmith-refresh"));
})();

// <ts-log run>: what a worker prints, fetched by byte offset. It follows the end only while the end is in sight.
(() => {
  const tunesmith = window.tunesmith;
  const KEPT = 400_000; // characters
  const CODES = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007]*\u0007/g;

  // A progress bar rewrites its line after a carriage return: only what it wrote last stays.
  const plain = (text) => text.replace(CODES, "").replace(/\r\n/g, "\n").replace(/[^\n]*\r/g, "");

  class Log extends HTMLElement {
    connectedCallback() {
      if (!this.box) {
        this.textContent = "";
        this.box = Object.assign(document.createElement("pre"), { className: "ts-code", tabIndex: 0, textContent: "Nothing printed yet." });
        this.box.setAttribute("aria-label", "Log");
        this.append(this.box);
        this.offset = 0;
        this.empty = true;
      }
      this.seen = () => !document.hidden && this.now();
      document.addEventListener("visibilitychange", this.seen);
      this.now();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.seen);
      tunesmith.connection(this, true);
    }

    async now() {
      clearTimeout(this.timer);
      if (this.asking) return;
      this.asking = true;
      const wait = await this.ask();
      this.asking = false;
      if (this.isConnected) this.timer = setTimeout(() => this.now(), wait);
    }

    async ask() {
      if (document.hidden && !this.empty) return 10_000;
      try {
        const address = `/api/runs/${encodeURIComponent(this.getAttribute("run"))}/log?offset=${this.offset}`;
        const answer = await fetch(address, { signal: AbortSignal.timeout(20_000) });
        tunesmith.connection(this, answer.ok || answer.status < 500);
        if (!answer.ok) return 10_000;
        const { text, offset } = await answer.json();
        const more = offset > this.offset;
        this.offset = offset;
        if (more && text) this.add(text);
        return more ? 50 : 2000;
      } catch {
        tunesmith.connection(this, false);
        return 4000;
      }
    }

    add(text) {
      const box = this.box;
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      const whole = plain((this.empty ? "" : box.textContent) + text);
      this.empty = false;
      if (whole.length <= KEPT && box.firstChild && whole.startsWith(box.textContent)) box.firstChild.appendData(whole.slice(box.textContent.length));
      else box.textContent = whole.slice(-KEPT);
      if (atEnd) box.scrollTop = box.scrollHeight;
    }
  }

  customElements.define("ts-log", Log);
})();

// <ts-log run>: what a worker prints, fetched by byte offset. It follows the end only while the end is in sight.
(() => {
  const tunesmith = window.tunesmith;
  const KEPT = 400_000; // characters
  const SOON = 50; // there may be more at once
  const LATER = 2000;
  const REFUSED = 10_000;

  class Log extends HTMLElement {
    constructor() {
      super();
      this.poll = tunesmith.poll(this, (get) => this.ask(get));
    }

    connectedCallback() {
      if (!this.box) this.build();
      this.poll.start();
    }

    disconnectedCallback() {
      this.poll.stop();
    }

    build() {
      this.offset = 0;
      this.printed = document.createTextNode("Nothing printed yet.");
      this.box = Object.assign(document.createElement("pre"), { className: "ts-code", tabIndex: 0 });
      this.box.setAttribute("aria-label", "Log");
      this.box.append(this.printed);
      this.replaceChildren(this.box);
    }

    async ask(get) {
      const run = encodeURIComponent(this.getAttribute("run"));
      const answer = await get(`/api/runs/${run}/log?offset=${this.offset}`);
      if (!answer.ok) return REFUSED;
      const { text, offset } = JSON.parse(answer.text);
      const more = offset > this.offset;
      if (more) this.add(text);
      this.offset = offset;
      return more ? SOON : LATER;
    }

    add(text) {
      const { box, printed } = this;
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      if (this.offset === 0) printed.data = "";
      printed.appendData(text);
      if (printed.length > KEPT) printed.deleteData(0, printed.length - KEPT);
      if (atEnd) box.scrollTop = box.scrollHeight;
    }
  }

  customElements.define("ts-log", Log);
})();

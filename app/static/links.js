// <ts-links kind of>: links at which a run or a chat can be seen without a login, made, listed and revoked over REST. An address is
// shown once, here; the studio keeps only its hash.
(() => {
  const tunesmith = window.tunesmith;
  const DAYS = [1, 7, 30, 365];
  const DAY_SECONDS = 86_400;
  const WHAT = {
    run: "Whoever has the link sees the state, charts and answers of this run without a login, and can change nothing.",
    chat: "Whoever has the link reads this chat, and what you add to it, without a login, and can change nothing.",
  };

  const words = (days) => (days === 1 ? "1 day" : days === 365 ? "1 year" : `${days} days`);

  async function call(method, address, body) {
    const answer = await fetch(address, { method, headers: { accept: "application/json", "content-type": "application/json" }, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(tunesmith.errorIn(text).message || `The studio answered ${answer.status}.`);
    return text ? JSON.parse(text) : null;
  }

  class Links extends HTMLElement {
    connectedCallback() {
      if (this.list) return;
      const kind = this.getAttribute("kind");
      this.place = `/api/${kind}s/${encodeURIComponent(this.getAttribute("of"))}/links`;
      this.note = tunesmith.make("p", "lk-note", WHAT[kind]);
      this.made = tunesmith.make("div", "lk-made");
      this.list = tunesmith.make("ul", "lk-list");
      this.days = document.createElement("select");
      for (const days of DAYS) this.days.append(new Option(words(days), String(days), days === 7, days === 7));
      this.days.setAttribute("aria-label", "Ends in");
      const make = this.button("Make link", () => this.make());
      make.dataset.tone = "primary";
      const row = tunesmith.make("div", "lk-row");
      row.append(tunesmith.make("span", "", "Ends in"), this.days, make);
      this.replaceChildren(this.note, row, this.made, this.list);
      this.closest("details")?.addEventListener("toggle", (event) => /** @type {HTMLDetailsElement} */ (event.target).open && this.refresh());
    }

    button(label, act) {
      const button = Object.assign(tunesmith.make("button", "ts-button", label), { type: "button" });
      button.addEventListener("click", () => act().catch((error) => (this.note.textContent = error.message)));
      return button;
    }

    async make() {
      const { url } = await call("POST", this.place, { expires_in: Number(this.days.value) * DAY_SECONDS });
      const code = tunesmith.make("code", "", url);
      code.id = `lk-${this.getAttribute("of")}`;
      const copy = Object.assign(tunesmith.make("button", "ts-button", "Copy"), { type: "button" });
      copy.dataset.copy = code.id;
      this.made.replaceChildren(code, copy, tunesmith.make("small", "", "Copy it now: it is not shown again."));
      await this.refresh();
    }

    async refresh() {
      const links = await call("GET", this.place);
      this.list.replaceChildren(...links.map((link) => this.item(link)));
    }

    item({ id, expires_at: ends }) {
      const item = tunesmith.make("li", "");
      const revoke = this.button("Revoke", async () => {
        await call("DELETE", `/api/links/${id}`);
        this.made.replaceChildren();
        await this.refresh();
      });
      revoke.dataset.tone = "danger";
      item.append(tunesmith.make("span", "", `A link that ends on ${new Date(ends * 1000).toLocaleString()}`), revoke);
      return item;
    }
  }
  customElements.define("ts-links", Links);
})();

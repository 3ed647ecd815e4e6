// <ts-upload>: how far files have come that go to the studio: percent, bytes, rate, time left, and Cancel.
// Gradio sends them and tells how much has arrived, in its own stream; both requests are only watched here.
(() => {
  const tunesmith = window.tunesmith;
  const SENDS = /\/gradio_api\/upload\?/;
  const TELLS = /\/gradio_api\/upload_progress\?/;
  const RATE_SECONDS = 5; // of the newest ones, by which the rate is told
  const LEAST_SECONDS = 0.5; // before a rate says anything
  const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

  const size = (bytes) => {
    const unit = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
    const count = bytes / 1000 ** unit;
    return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${UNITS[unit]}`;
  };
  const time = (seconds) => (seconds < 60 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);

  // Files on their way: `arrived` bytes of `total`, and when how much had arrived.
  class Upload {
    constructor(files) {
      this.files = files;
      this.total = files.reduce((sum, file) => sum + file.size, 0);
      this.arrived = 0;
      this.seen = [{ at: performance.now(), arrived: 0 }];
      this.aborter = new AbortController();
    }

    add(bytes) {
      const now = performance.now();
      this.arrived = Math.min(this.total, this.arrived + bytes);
      this.seen.push({ at: now, arrived: this.arrived });
      while (this.seen.length > 2 && now - this.seen[0].at > RATE_SECONDS * 1000) this.seen.shift();
    }

    get rate() {
      const [first, last] = [this.seen[0], this.seen[this.seen.length - 1]];
      const seconds = (last.at - first.at) / 1000;
      return seconds >= LEAST_SECONDS ? (last.arrived - first.arrived) / seconds : 0;
    }

    get percent() {
      return this.total ? Math.floor((100 * this.arrived) / this.total) : 0;
    }

    get words() {
      const left = this.total - this.arrived;
      const rate = this.rate ? [`${size(this.rate)} a second`, left ? `${time(left / this.rate)} left` : ""] : [];
      return [`${size(this.arrived)} of ${size(this.total)}`, ...rate].filter(Boolean).join(" · ");
    }

    get name() {
      return this.files.length === 1 ? this.files[0].name : `${this.files.length} files`;
    }
  }

  class UploadBar extends HTMLElement {
    connectedCallback() {
      this.hidden = true;
      this.innerHTML =
        '<p><b></b><span></span><strong></strong></p><div class="ts-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100"><i></i></div>' +
        '<div class="da-upload-end"><small role="status"></small><button type="button" class="ts-button">Cancel</button></div>';
      this.querySelector("button").addEventListener("click", () => this.upload?.aborter.abort());
    }

    begin(upload) {
      this.upload = upload;
      this.say("bar", `Uploading ${upload.name}`);
      this.draw();
      addEventListener("beforeunload", stay);
    }

    draw() {
      const { percent, words } = this.upload;
      this.querySelector("p span").textContent = words;
      this.querySelector("strong").textContent = `${percent} %`;
      this.querySelector(".ts-bar").setAttribute("aria-valuenow", String(percent));
      /** @type {HTMLElement} */ (this.querySelector(".ts-bar i")).style.width = `${percent}%`;
    }

    // `state`: bar while files are on their way, words for what became of them, "" for nothing to say.
    say(state, head, text = "") {
      this.hidden = !state;
      this.dataset.state = state;
      this.querySelector("b").textContent = head;
      this.querySelector("small").textContent = text;
      this.querySelector(".ts-bar").setAttribute("aria-label", head);
    }

    end(state, head = "", text = "") {
      removeEventListener("beforeunload", stay);
      this.upload = null;
      this.say(state, head, text);
    }
  }
  customElements.define("ts-upload", UploadBar);

  // Whoever leaves the page now would lose what has been sent.
  const stay = (event) => event.preventDefault();

  const bar = () => /** @type {UploadBar | null} */ (document.querySelector("ts-upload"));

  // Sends files as Gradio asked, with an end by Cancel. What is torn is said in the bar; to Gradio it is no file.
  const send = async (fetch, input, init, shown) => {
    const upload = new Upload([...init.body.values()].filter((value) => value instanceof File));
    shown.begin(upload);
    try {
      const response = await fetch(input, { ...init, signal: upload.aborter.signal });
      if (response.ok) return shown.end(""), response;
      const { message, hint } = tunesmith.errorIn(await response.text());
      shown.end("words", message || `The studio did not take ${upload.name} (${response.status}).`, hint || "Choose it again.");
    } catch {
      const canceled = upload.aborter.signal.aborted;
      const far = `${size(upload.arrived)} of ${size(upload.total)} had arrived`;
      const why = canceled ? `The upload of ${upload.name} was canceled.` : `The upload of ${upload.name} was cut off: ${far}.`;
      shown.end("words", why, canceled ? "Nothing was imported." : "Check that the studio still runs, then choose the file again.");
    }
    return new Response("[]", { headers: { "content-type": "application/json" } });
  };

  // Reads a copy of Gradio's stream: {"msg": "update", "chunk_size": bytes that have arrived since the last one}.
  const follow = async (stream, shown) => {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const told = line.startsWith("data:") ? JSON.parse(line.slice(5)) : {};
        if (told.msg !== "update" || !shown.upload) continue;
        shown.upload.add(told.chunk_size);
        shown.draw();
      }
    }
  };

  // What cannot be read is refused here, in words; Gradio would only list the endings.
  const SHEET = "Export the sheet as CSV, without a password.";
  const HINTS = { xlsx: SHEET, xls: SHEET, ods: SHEET, numbers: SHEET, pdf: "Export its text to a .txt file.", docx: "Export its text to a .txt file.", zip: "Unpack it first.", "7z": "Unpack it first.", rar: "Unpack it first." };
  const refuse = (event) => {
    const shown = bar();
    const at = event.target.closest?.("#data-file");
    const files = [...(event.dataTransfer ?? event.target).files ?? []];
    if (!shown || !at || !files.length) return;
    const endings = shown.getAttribute("endings").split(",");
    const wrong = files.find((file) => !endings.some((ending) => file.name.toLowerCase().endsWith(ending)));
    if (!wrong) return shown.say("", "");
    event.preventDefault();
    event.stopPropagation();
    const ending = wrong.name.toLowerCase().split(".").pop();
    shown.say("words", `${wrong.name} cannot be read.`, HINTS[ending] ?? `Files that can be read end in ${endings.join(", ")}.`);
  };
  addEventListener("change", refuse, true);
  addEventListener("drop", refuse, true);

  const plain = window.fetch.bind(window);
  window.fetch = async (input, init) => {
    const [address, shown] = [String(input instanceof Request ? input.url : input), bar()];
    if (!shown) return plain(input, init);
    if (SENDS.test(address) && init?.body instanceof FormData) return send(plain, input, init, shown);
    const response = await plain(input, init);
    if (!TELLS.test(address) || !response.ok || !response.body) return response;
    const [first, second] = response.body.tee();
    follow(second, shown).catch(() => {}); // the bar stays where it is
    return new Response(first, { status: response.status, headers: response.headers });
  };
})();

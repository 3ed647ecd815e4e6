// <ts-origin>: the address this browser reaches the studio at, for the examples on the Serve and System pages.
customElements.define(
  "ts-origin",
  class extends HTMLElement {
    connectedCallback() {
      this.textContent = location.origin;
    }
  },
);

// What the scripts of app/static share, and what the browser gives them that TypeScript does not know.
// They are plain scripts, loaded in the order of app/window/theme.py; `window.tunesmith` is all they have in common.

type Get = (address: string, accept?: string) => Promise<{ ok: boolean; status: number; text: string }>;
type Points = { xs: number[]; ys: number[]; thinned: boolean };
type Stretch = [first: number, last: number];
type Trigger = (detail: { name: string; id: string; values?: object }) => void;

interface Poll {
  start(): void;
  stop(): void;
  now(): Promise<void>;
}

interface Curve {
  name: string;
  label: string;
  color: string;
  xs: number[];
  ys: number[];
  clear(): void;
  update(get: Get, run: string, stretch: Stretch | null): Promise<{ news: boolean; ended: boolean }>;
  leaveDetail(): void;
  at(step?: number): number;
  smooth(weight: number): number[];
}

interface Look {
  weight: number;
  log: boolean;
  zoom: Stretch | null;
}

interface Drawing {
  figure: object | null;
  update(look: Look): Promise<void>;
  fit(zoom: Stretch | null): void;
  paint(): void;
  save(name: string): Promise<void>;
}

interface DrawingEvents {
  zoomed(first: number, last: number): void;
  pointed(step?: number): void;
  reset(): void;
}

interface Legend {
  element: HTMLElement;
  read(step?: number): void;
}

interface Tools {
  element: HTMLElement;
  show(zoomed: boolean, log: boolean): void;
}

interface ToolActs {
  reset(): void;
  smooth(weight: number): void;
  toggleLog(): void;
  save(): void;
}

interface Train {
  keep(names: string[], name: string, given: unknown, values: unknown[]): void;
  recall(): string;
  forget(): void;
  groups(element: HTMLElement): void;
  yaml(element: HTMLElement): void;
  problems(element: HTMLElement, trigger: Trigger, look: () => void, back: () => void): void;
  marks(element: HTMLElement, trigger: Trigger): void;
  presets(element: HTMLElement, trigger: Trigger): void;
  recipes(element: HTMLElement, trigger: Trigger): void;
  search(element: HTMLElement): void;
}

interface Code {
  cursor(): number;
  keep(snippet: string, files: string, opened: string, text: string, task: string, language: string, model: string): void;
  recall(): string;
  told(element: HTMLElement): void;
  rest(): void;
  tabs(element: HTMLElement, trigger: Trigger): void;
}

interface Tunesmith {
  dark(): boolean;
  theme(name: "dark" | "light"): void;
  toggleTheme(): void;
  project(id: string): void;
  confirm(question: string, label: string, danger: boolean): Promise<boolean>;
  go(href: string, replaces?: boolean): void;
  copy(button: HTMLElement): Promise<void>;
  poll(element: HTMLElement, ask: (get: Get) => Promise<number>): Poll;
  refresh(): void;
  patch(element: HTMLElement, html: string): void;
  refusal(status: number, text: string): string;
  errorIn(text: string): { message?: string; hint?: string };
  put(text: string): void;
  reveal(id: string, parameter: string): void;
  actions(element: HTMLElement, trigger: Trigger): void;
  train: Train;
  code: Code;
  make(tag: string, className: string, text?: string): HTMLElement;
  Curve: new (name: string, label: string, series: number, own: string | null) => Curve;
  Drawing: new (host: HTMLElement, height: number, curves: Curve[], on: DrawingEvents) => Drawing;
  Legend: new (curves: Curve[]) => Legend;
  Tools: new (acts: ToolActs) => Tools;
}

interface Window {
  tunesmith: Tunesmith;
  Bokeh: any; // BokehJS has no types in its wheel
}

// What a selector finds is an element of HTML: of the tag the selector begins with, where it does.
type Found<S extends string> = S extends keyof HTMLElementTagNameMap
  ? HTMLElementTagNameMap[S]
  : S extends `${infer Tag extends keyof HTMLElementTagNameMap}${"." | "[" | ":"}${string}`
    ? HTMLElementTagNameMap[Tag]
    : HTMLElement;

interface ParentNode {
  querySelector<S extends string>(selector: S): Found<S> | null;
  querySelectorAll<S extends string>(selector: S): NodeListOf<Found<S>>;
}

interface Element {
  closest<S extends string>(selector: S): Found<S> | null;
}

// What an event comes from is an element as well, but for events of the document itself.
interface EventTarget {
  closest?<S extends string>(selector: S): Found<S> | null;
}

// What the scripts of app/static share, and what the browser gives them that TypeScript does not know.
// They are plain scripts, loaded in the order of app/window/theme.py; `window.tunesmith` is all they have in common.

type Get = (address: string, accept?: string) => Promise<{ ok: boolean; status: number; text: string }>;
type Stretch = [first: number, last: number];
type Trigger = (detail: { name: string; id: string; values?: object }) => void;

interface Poll {
  start(): void;
  stop(): void;
  now(): Promise<void>;
}

interface CurveStretch {
  name: string;
  from: number;
  to: number;
  long: boolean;
}

interface CurveAsk extends CurveStretch {
  signal: AbortSignal;
  done(answer: FetchedCurve | null): void;
  failed(error: unknown): void;
}

interface FetchedCurve {
  steps: number[];
  ys: number[];
  thinned: boolean;
  step: number;
  ended: boolean;
  started: number | null;
}

interface CurveUpdate {
  run: string;
  points: number;
  stretch: Stretch | null;
  signal: AbortSignal;
}

interface Curve {
  name: string;
  label: string;
  color: string;
  own: string | null;
  started: number | null;
  steps: number[];
  xs: number[];
  ys: number[];
  clear(): void;
  update(ask: CurveUpdate): Promise<{ news: boolean; ended: boolean }>;
  leaveDetail(): void;
  at(x?: number): number;
  smooth(weight: number): number[];
}

type AxisKind = "step" | "tokens" | "time";

interface Axis {
  kind: AxisKind;
  known: boolean;
  update(ask: Omit<CurveUpdate, "stretch">): Promise<boolean>;
  of(steps: number[]): number[];
  stretch(places: Stretch): Stretch;
}

interface ChartLook {
  weight: number;
  log: boolean;
  x: AxisKind;
  clip: boolean;
}

interface PlacedBand {
  first: number;
  last: number;
  severity: string;
}

interface Look {
  weight: number;
  log: boolean;
  clip: boolean;
  kind: AxisKind;
  zoom: Stretch | null;
  bands: PlacedBand[];
}

interface Drawing {
  host: HTMLElement;
  figure: object | null;
  view: object | null;
  outside: number;
  update(curves: Curve[], look: Look): Promise<void>;
  fit(zoom: Stretch | null): void;
  point(x?: number): void;
  resize(height: number): void;
  paint(): void;
  picture(title: string, legend: { label: string; series: string }[]): Promise<Blob>;
}

interface DrawingEvents {
  zoomed(first: number, last: number): void;
  pointed(x?: number): void;
  reset(): void;
}

interface Legend {
  element: HTMLElement;
  read(x: number | undefined, kind: AxisKind): void;
  words(): { label: string; series: string }[];
}

interface Tools {
  element: HTMLElement;
  table: HTMLElement;
  show(zoomed: boolean, table: boolean): void;
}

interface ToolActs {
  reset(): void;
  full(): void;
  table(): void;
  save(): void;
  csv: (() => void) | null;
  moves?: boolean;
}

interface Train {
  keep(names: string[], name: string, given: unknown, values: unknown[]): void;
  recall(): string;
  forget(): void;
  startOver(): void;
  groups(element: HTMLElement): void;
  yaml(element: HTMLElement): void;
  problems(element: HTMLElement, trigger: Trigger, look: () => void, back: () => void): void;
  marks(element: HTMLElement, trigger: Trigger): void;
  presets(element: HTMLElement, trigger: Trigger): void;
  recipes(element: HTMLElement, trigger: Trigger): void;
  search(element: HTMLElement): void;
}

interface SweepForm {
  keep(kept: string): void;
  recall(): string;
  panel(element: HTMLElement, events: { action: Trigger; typed: Trigger; look: () => void }): void;
  outcome(element: HTMLElement, trigger: Trigger): void;
}

interface Code {
  place(): [number, number];
  keep(snippet: string, files: string, opened: string, text: string, task: string, language: string, model: string): void;
  keepGrown(snippet: string, files: string, opened: string, text: string, task: string, language: string, model: string): void;
  recall(): string;
  told(element: HTMLElement): void;
  rest(): void;
  tabs(element: HTMLElement, trigger: Trigger): void;
}

// What the charts of a sweep share (app/static/sweeps/): the answer they draw, and how each kind of chart is drawn.
interface Sweeps {
  data(id: string): Promise<any>;
  kinds: Record<string, any>;
  figure: Record<string, any>;
  [name: string]: any;
}

interface Tunesmith {
  dark(): boolean;
  theme(name: "dark" | "light"): void;
  toggleTheme(): void;
  project(id: string): void;
  confirm(question: string, label: string, danger: boolean): Promise<boolean>;
  go(href: string, replaces?: boolean): void;
  copy(button: HTMLElement): Promise<void>;
  get(address: string, signal: AbortSignal, accept?: string): Promise<{ ok: boolean; status: number; text: string }>;
  poll(element: HTMLElement, ask: (get: Get, signal: AbortSignal) => Promise<number>): Poll;
  refresh(): void;
  patch(element: HTMLElement, html: string): void;
  move(parent: Element, node: Node, before: Node | null): void;
  settled(element: HTMLElement, draw: () => void): void;
  refusal(status: number, text: string): string;
  keyOf(event: KeyboardEvent): string;
  errorIn(text: string): { message?: string; hint?: string };
  put(text: string): void;
  reveal(id: string, parameter: string): void;
  actions(element: HTMLElement, trigger: Trigger): void;
  train: Train;
  sweepForm: SweepForm;
  code: Code;
  make(tag: string, className: string, text?: string): HTMLElement;
  look(chart: HTMLElement): ChartLook;
  written(value: number | undefined, unit: string): string;
  tick(value: number, unit: string): string;
  drawable(value: number, log?: boolean): boolean;
  axisName(name: string, height: number): string;
  place(value: number, kind: AxisKind, greatest: number): string;
  placed(value: number, kind: AxisKind): string;
  pointsTable(title: string, curves: Curve[], unit: string): HTMLTableElement;
  fetchCurve(run: string, points: number, stretch: CurveStretch, signal: AbortSignal): Promise<FetchedCurve | null>;
  Curve: new (name: string, label: string, series: number, own: string | null) => Curve;
  Axis: new (kind: AxisKind, run: string | null) => Axis;
  bokeh(): Promise<any>;
  color(name: string): string;
  pictureOf(view: any, host: HTMLElement, title: string, legend: { label: string; series: string }[]): Promise<Blob>;
  sweeps: Sweeps;
  Drawing: new (host: HTMLElement, height: number, values: { unit: string; name: string }, on: DrawingEvents) => Drawing;
  Legend: new (curves: Curve[], unit: string) => Legend;
  Tools: new (title: string, acts: ToolActs) => Tools;
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

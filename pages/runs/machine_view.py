"""The machine beside a run: what it does now, what the run has used and cost, and what was expected of it."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from engine import sizes
from engine.accounts import prices
from engine.accounts.prices import Prices
from engine.errors import RefusedError
from engine.process.meter import samples
from engine.process.meter.samples import Now
from engine.process.meter.used_energy import Measured
from engine.runs import machine_use, metric_groups
from engine.runs.machine_samples import PREFIX
from engine.runs.machine_use import Expected, MachineUse
from pages.parts import chart, fields, html, toasts
from pages.runs import stuck_view
from storage import home
from storage.statuses import RUN_ALIVE
from storage.tables import Run

NOT_MEASURED = "not measured"
WORDS = {"seconds": "Time", "memory_bytes": "Memory", "tokens_per_second": "Tokens per second"}


def show(run: Run, _query: Mapping[str, str]) -> Markup:
    """The tab. It is asked for every few seconds while it is open: two small files and one row."""
    now = samples.latest(home.run_folder(run.id))
    project_prices = prices.of_project(run.project_id)
    use, stacks = machine_use.of(run, project_prices), stuck_view.card_of(run)
    return html.join(
        (
            stacks if run.facts.stuck else "",
            _now(run, now),
            _used(run, use, project_prices),
            _expected(use.expected, run.status in RUN_ALIVE),
            _charts(run, now) if now else "",
            "" if run.facts.stuck else stacks,
        )
    )


def set_prices(project_id: str, values: Mapping[str, str]) -> None:
    """What the form of prices does. Raises RefusedError, NotFoundError."""
    per_kwh, per_hour = (_price(values, name) for name in ("price_per_kwh", "price_per_device_hour"))
    prices.set_prices(project_id, Prices(per_kwh, per_hour, values.get("currency", "")))
    toasts.done("The prices are kept for every run of this project.")


def _price(values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name, "").strip()
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise RefusedError(f"{name} cannot be {text[:40]!r}.", "Write a number such as 0.32, or nothing.") from None


def _now(run: Run, now: Now | None) -> Markup:
    is_alive = run.status in RUN_ALIVE
    title = "Now" if is_alive else "At its end"
    if now is None or not now.at:
        words = "The first look comes in a moment." if is_alive else "Nothing was measured while this run trained."
        return html.card(title, Markup('<p class="ts-hint">{}</p>').format(words))
    gauges = Markup('<div class="mc-gauges">{}</div>').format(html.join(_gauges(now)))
    error = html.notice("The machine is no longer measured.", now.error, "warn") if now.error else ""
    looked = Markup('<span class="ts-note">step {}</span>').format(f"{now.step:,}")
    return html.card(title, error, gauges, _missing(now.missing), aside=looked)


def _gauges(now: Now) -> list[Markup]:
    values = now.values
    gauges = [
        _gauge("Processor", _share(values, "cpu_percent"), _percent(values, "cpu_percent"), _of_run(values)),
        _bytes_gauge("Memory", now, "memory_bytes", _memory_of_run(values)),
        _bytes_gauge("Disk", now, "disk_bytes", ""),
    ]
    for card in _cards(now):
        heat = values.get(f"{card}_temperature")
        watts = values.get(f"{card}_watts")
        beside = (f"{heat:.0f} °C" if heat is not None else "", f"{watts:.0f} W" if watts is not None else "")
        name, percent = f"GPU {card.removeprefix('gpu')}", f"{card}_percent"
        gauges.append(_gauge(name, _share(values, percent), _percent(values, percent), ", ".join(filter(None, beside))))
        gauges.append(_bytes_gauge(f"{name} memory", now, f"{card}_memory_bytes", ""))
    return gauges


def _cards(now: Now) -> list[str]:
    names = {name.partition("_")[0] for name in (*now.values, *now.sizes) if name.startswith("gpu")}
    return sorted(names, key=lambda name: int(name.removeprefix("gpu")))


def _gauge(name: str, share: float | None, words: str, beside: str) -> Markup:
    bar = html.progress(share, name, _tone(share)) if share is not None else ""
    return Markup('<div class="mc-gauge"><span>{}</span><b>{}</b>{}<small>{}</small></div>').format(
        name, words, bar, beside
    )


def _bytes_gauge(name: str, now: Now, key: str, beside: str) -> Markup:
    used, total = now.values.get(key), now.sizes.get(key)
    if used is None:
        return _gauge(name, None, NOT_MEASURED, beside)
    if not total:
        return _gauge(name, None, html.size(used), beside)
    return _gauge(name, used / total, f"{html.size(used)} of {html.size(total)}", beside)


def _tone(share: float | None) -> str:
    """Full is worth a look: of memory and disk something will fail soon."""
    return "bad" if share is not None and share > 0.97 else ""


def _share(values: Mapping[str, float], name: str) -> float | None:
    """A busy processor is no trouble, so its bar never turns red."""
    return min(values[name] / 100, 0.97) if name in values else None


def _percent(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.0f} %" if name in values else NOT_MEASURED


def _of_run(values: Mapping[str, float]) -> str:
    watts = f", {values['cpu_watts']:.0f} W" if "cpu_watts" in values else ""
    return f"this run {values['run_cpu_percent']:.0f} %{watts}" if "run_cpu_percent" in values else watts.strip(", ")


def _memory_of_run(values: Mapping[str, float]) -> str:
    return f"this run {html.size(values['run_memory_bytes'])}" if "run_memory_bytes" in values else ""


def _missing(missing: Mapping[str, str]) -> Markup:
    if not missing:
        return Markup()
    lines = html.join(Markup("<li>{}: {}</li>").format(what, why) for what, why in sorted(missing.items()))
    return Markup('<div class="mc-missing"><b>Not measured</b><ul class="ts-told">{}</ul></div>').format(lines)


def _used(run: Run, use: MachineUse, project_prices: Prices) -> Markup:
    if use.seconds is None:
        return Markup()
    energy = [(f"Energy, {part.what}", _energy(part, use.seconds)) for part in use.energy]
    rows = [
        ("Time", html.duration(use.seconds)),
        ("Device hours", html.number(use.device_hours)),
        *energy,
        ("Energy, measured in all", NOT_MEASURED if use.wh is None else sizes.energy_in_words(use.wh)),
        ("Cost of energy", _money(use.energy_cost, use, project_prices.per_kwh)),
        ("Cost of devices", _money(use.device_cost, use, project_prices.per_device_hour)),
    ]
    note = (
        "All attempts together. The processor's energy is that of the whole machine, a card's that of the whole card."
    )
    return html.card(
        "Used",
        html.facts(rows),
        Markup('<p class="ts-hint mc-note">{}</p>').format(note),
        _prices(run.project_id, project_prices),
    )


def _energy(part: Measured, seconds: float) -> str:
    if part.wh is None:
        return NOT_MEASURED
    partly = f" (measured for {html.duration(part.seconds)})" if machine_use.is_partial(part, seconds) else ""
    return f"{sizes.energy_in_words(part.wh)}{partly}"


def _money(cost: float | None, use: MachineUse, price: float | None) -> str:
    if price is None:
        return "no price is set"
    if cost is None:
        return NOT_MEASURED
    return prices.in_words(cost, use.currency)


def _prices(project_id: str, known: Prices) -> Markup:
    per_kwh, per_hour = ("" if price is None else f"{price:g}" for price in (known.per_kwh, known.per_device_hour))
    form = fields.form(
        "prices",
        project_id,
        "Keep the prices",
        fields.text("price_per_kwh", "Price of a kWh", "0.32", per_kwh),
        fields.text("price_per_device_hour", "Price of a device hour", "2.50", per_hour),
        fields.text("currency", "Currency", "EUR", known.currency),
    )
    return Markup(
        '<details class="mc-prices" data-key="prices"><summary>Prices of this project</summary>{}</details>'
    ).format(form)


def _expected(rows: list[Expected], is_alive: bool) -> Markup:
    if not rows:
        return Markup()
    headers = (
        "",
        html.Header("Expected", "number"),
        "From",
        html.Header("So far" if is_alive else "Came to", "number"),
    )
    lines = [
        html.Row((WORDS[row.what], _in_words(row.what, row.expected), _basis(row), _in_words(row.what, row.came)))
        for row in rows
    ]
    return html.card("Expected before the start", html.table(headers, lines, "Expected and used"))


def _basis(row: Expected) -> str:
    if row.expected is None:
        return "nothing was known yet"
    return "real steps before the start" if row.basis == "measured" else "an estimate"


def _in_words(what: str, value: float | None) -> str:
    if value is None:
        return html.DASH
    words: dict[str, Callable[[float], str]] = {
        "seconds": html.duration,
        "memory_bytes": html.size,
        "tokens_per_second": lambda speed: f"{speed:,.0f}",
    }
    return words[what](value)


def _charts(run: Run, now: Now) -> Markup:
    """Over the steps of the training: every metric of the machine that was read, as on the tab of all charts."""
    names = {f"{PREFIX}{name}" for name in now.totals.peaks}
    drawn = (
        chart.element(one.title, one.series, run.id, 200, unit=one.unit, axis=one.axis)
        for one in metric_groups.charts(names)
    )
    return Markup('<div class="mc-charts">{}</div>').format(html.join(drawn))

"""The kinds of panel that we show, each with the house's defaults: what it says when there is nothing to show stands in
words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.text import TextMode

from dashboards.looks import BACKGROUND, Tongue, property_of, reduce_to_last, thresholds
from dashboards.queries import LEDGER, READINGS, Flux

Links = Sequence[dashboard.DashboardLink]
SERIES_MAX = 60
"""Rows of a state timeline on one page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a table: its name in the data, and how it is shown. A hidden one still serves links."""

    key: str
    words: str
    mappings: list[model.ValueMapping] = field(default_factory=list)
    links: Links = ()
    unit: str = ""
    width: int = 0
    coloured: bool = False
    hidden: bool = False


def figure(
    title: str,
    about: str,
    target: Builder[Dataquery],
    *,
    steps: Sequence[tuple[float | None, str]] = ((None, "text"),),
    unit: str = "none",
    span: int = 4,
    height: int = 4,
    decimals: int = 0,
    no_value: str = "0",
    mappings: list[model.ValueMapping] | None = None,
    links: Links = (),
    words: bool = False,
) -> stat.Panel:
    """One number, large, with the colour of what it means; with `words` a text or a truth."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(READINGS if isinstance(target, Flux) else LEDGER)
        .with_target(target)
        .span(span)
        .height(height)
        .reduce_options(reduce_to_last(words=words))
        .thresholds(thresholds(*steps))
        .unit(unit)
        .decimals(decimals)
        .no_value(no_value)
        .color_mode(BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .data_links(list(links))
    )
    return panel.mappings(mappings) if mappings else panel


def rows(
    title: str,
    about: str,
    target: Builder[Dataquery],
    columns: Sequence[Shown],
    no_value: str,
    *,
    span: int = 24,
    height: int = 10,
    greatest_first: str = "",
) -> table.Panel:
    """A table. Every column of the question must be named in `columns`, hidden ones too. `greatest_first`: the words
    of the column that it is sorted by; else the order is that of the answer."""
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(READINGS if isinstance(target, Flux) else LEDGER)
        .with_target(target)
        .span(span)
        .height(height)
        .no_value(no_value)
        .show_header(True)
    )
    if greatest_first:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(greatest_first).desc(True)])
    for column in columns:
        properties = [property_of("displayName", column.words)]
        if column.mappings:
            properties.append(property_of("mappings", column.mappings))
        if column.links:
            properties.append(property_of("links", [each.build() for each in column.links]))
        if column.unit:
            properties.append(property_of("unit", column.unit))
        if column.width:
            properties.append(property_of("custom.width", column.width))
        if column.coloured:
            properties.append(property_of("custom.cellOptions", {"type": "color-text"}))
        if column.hidden:
            properties.append(property_of("custom.hidden", True))  # Grafana 11
            properties.append(
                property_of("custom.hideFrom", {"legend": False, "tooltip": False, "viz": True})
            )  # since 12
        panel = panel.override_by_name(column.key, properties)
    return panel


def timeline(
    title: str,
    about: str,
    target: Builder[Dataquery],
    mappings: list[model.ValueMapping],
    label: str,
    tongue: Tongue,
    *,
    span: int = 24,
    height: int = 9,
    links: Links = (),
    bridged: bool = False,
    interval: str = "",
) -> statetimeline.Panel:
    """States over time, a row each, named by its label. `bridged`: the data are changes, and a state holds until the
    next one; else an empty step says that nothing was heard."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(READINGS if isinstance(target, Flux) else LEDGER)
        .with_target(target)
        .span(span)
        .height(height)
        .display_name("${__field.labels." + label + "}")
        .mappings(mappings)
        .thresholds(thresholds((None, "text")))
        .merge_values(True)
        .show_value(common_model.VisibilityMode.NEVER)
        .row_height(0.8)
        .per_page(SERIES_MAX)
        .span_nulls(bridged)
        .no_value(tongue.nothing_heard)
        .data_links(list(links))
    )
    return panel.interval(interval) if interval else panel


def graph(
    title: str,
    about: str,
    targets: Sequence[Builder[Dataquery]],
    *,
    unit: str,
    no_value: str,
    label: str = "",
    bridge_ms: float = 0.0,
    lowest: float | None = None,
    highest: float | None = None,
    steps: Sequence[tuple[float | None, str]] = (),
    span: int = 12,
    height: int = 8,
    links: Links = (),
) -> timeseries.Panel:
    """Numbers over time. `bridge_ms`: a gap that is shorter is no gap; a longer one stays open, as nothing is known."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(READINGS if isinstance(targets[0], Flux) else LEDGER)
        .targets(list(targets))
        .span(span)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .display_name(label or "${__field.labels.device}")
        .span_nulls(bridge_ms or False)
        .show_points(common_model.VisibilityMode.AUTO)
        .fill_opacity(8)
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
        .data_links(list(links))
    )
    if lowest is not None:
        panel = panel.min(lowest)
    if highest is not None:
        panel = panel.max(highest)
    if steps:
        dashed = common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds(*steps)).thresholds_style(dashed)
    return panel


def shares(
    title: str, about: str, target: Builder[Dataquery], no_value: str, *, span: int = 12, height: int = 10
) -> bargauge.Panel:
    """Percents (a column `ok`) by name, a bar each, the least first; under 95 and 99 percent they change colour."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(LEDGER)
        .with_target(target)
        .span(span)
        .height(height)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .with_transformation(model.DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "ok"}]}))
        .reduce_options(reduce_to_last(rows=True))
        .unit("percent")
        .decimals(2)
        .min(0)
        .max(100)
        .no_value(no_value)
        .thresholds(thresholds((None, "red"), (95.0, "yellow"), (99.0, "green")))
    )


def note(words: str, *, span: int = 24, height: int = 2) -> text.Panel:
    """A few words of Markdown."""
    return text.Panel().title("").description("").span(span).height(height).mode(TextMode.MARKDOWN).content(words)

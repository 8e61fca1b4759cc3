/**
 * The Grafana board, made with Grafana's own SDK, and how a Grafana finds it and its data.
 * @module
 */
import {
  AxisPlacement,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type PanelSpec, ROWS } from "./panels.ts";

/** Also in the address of the board. */
export const BOARD_UID = "chaoslab";
const DATASOURCE_UID = "chaoslab-prometheus";
/** The variable that the reader chooses a source by. */
const SOURCE = { type: "prometheus", uid: `$\{datasource}` };

/** Of the grid's 24 columns; in its rows. */
const PANEL_WIDTH = 8;
const PANEL_HEIGHT = 8;

/** When each fault was in force: a point for each second becomes a region. */
export const FAULT_ANNOTATION = "chaoslab_fault_active == 1";

export function board(): Dashboard {
  const builder = new DashboardBuilder("chaoslab")
    .uid(BOARD_UID)
    .description("A system under experiment: its service levels, what they rest on, and the faults in force.")
    .tags(["chaoslab", "chaos-engineering"])
    .timezone("browser")
    .time({ from: "now-15m", to: "now" })
    .refresh("5s")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .annotation(
      new AnnotationQueryBuilder()
        .name("Faults in force")
        .datasource(SOURCE)
        .enable(true)
        .iconColor("red")
        .expr(FAULT_ANNOTATION)
        .step("1s")
        .titleFormat("{{type}} on {{target}}")
        .textFormat("{{id}} by {{backend}}")
        .tagKeys("type,target,backend"),
    );
  let id = 0;
  for (const { title, panels } of ROWS) {
    builder.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) builder.withPanel(panelOf(panel).id(++id));
  }
  return builder.build();
}

function panelOf({ title, unit, about, queries, log = false }: PanelSpec): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .datasource(SOURCE)
    .unit(unit)
    .span(PANEL_WIDTH)
    .height(PANEL_HEIGHT)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .showPoints(VisibilityMode.Never)
    .axisPlacement(AxisPlacement.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (about !== undefined) panel.description(about);
  if (log) panel.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10));
  else panel.min(0);
  for (const { expr, legend } of queries) {
    panel.withTarget(new DataqueryBuilder().datasource(SOURCE).expr(expr).legendFormat(legend).range());
  }
  return panel;
}

/** Provisioning of a Grafana: its data source. @param url of the Prometheus, as Grafana reaches it. */
export const datasourceProvisioning = (url: string) => ({
  apiVersion: 1,
  datasources: [
    {
      name: "Prometheus",
      uid: DATASOURCE_UID,
      type: "prometheus",
      access: "proxy",
      url,
      isDefault: true,
      jsonData: { timeInterval: "1s", httpMethod: "POST" },
    },
  ],
});

/** Provisioning of a Grafana: where boards lie. @param path as Grafana sees it. */
export const boardProvisioning = (path: string) => ({
  apiVersion: 1,
  providers: [{ name: "chaoslab", type: "file", allowUiUpdates: true, options: { path } }],
});

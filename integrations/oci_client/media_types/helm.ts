import type { MediaType } from "./media_type.ts";

/** A chart's config: its Chart.yaml, as JSON. */
export interface ConfigV1 {
  /** The version of the chart's format. */
  apiVersion: string;
  /** The chart's name. */
  name: string;
  /** The chart's version. */
  version: string;
  /** Everything else in Chart.yaml. */
  [field: string]: unknown;
}

/** The media type of a chart's config. */
export const configV1: MediaType<ConfigV1> = "application/vnd.cncf.helm.config.v1+json";

/** The media type of a chart's archive. */
export const contentV1 = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/** The media type of a chart's provenance file. */
export const provenanceV1 = "application/vnd.cncf.helm.chart.provenance.v1.prov";

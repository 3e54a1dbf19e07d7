import { isObject } from "../content/json_object.ts";
import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { openBody } from "../content/body.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { gunzip } from "../content/gzip.ts";
import { readTar } from "../content/tar_reader.ts";
import { InvalidContentError, LimitError } from "../errors.ts";
import { goJson, type GoValue } from "../manifest/go_json.ts";
import { ARTIFACT_TYPES } from "./kinds.ts";
import { fileBody, localFiles } from "./local_files.ts";
import type { PackOptions } from "./pack.ts";
import type { PackBody } from "./pack_content.ts";
import { readYaml, type Yaml } from "./yaml.ts";

/** A file by its path on this machine, or its content. */
export type PresetFile = string | Exclude<PackBody, string>;

/** Options of {@linkcode helm}. */
export interface HelmOptions {
  /** The chart that `helm package` made: the path of the `.tgz`, or its content. */
  chart: PresetFile;
  /** Its provenance file: the path of the `.tgz.prov`, or its content. */
  provenance?: PresetFile;
}

const HELM_OPTIONS: OptionNames<HelmOptions> = names("chart provenance");

/** What is read of a chart until its `Chart.yaml` is found: Helm itself takes 100 MiB. */
const LIMITS = { maxEntries: 100_000, maxBytes: 100 * 1024 * 1024, maxRatio: 200 };

/** The most that a `Chart.yaml` may have: Helm takes 5 MiB for a file of a chart. */
const MAX_CHART_YAML_BYTES = 5 * 1024 * 1024;

/** The fields of a chart's metadata in the order that Helm writes them. */
const FIELDS = [
  ...["name", "home", "sources", "version", "description", "keywords", "maintainers", "icon"],
  ...["apiVersion", "condition", "tags", "appVersion", "deprecated", "annotations", "kubeVersion"],
  ...["dependencies", "type"],
];
const MAINTAINER_FIELDS = ["name", "email", "url"];
const DEPENDENCY_FIELDS = [
  ...["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"],
];

const BOOLEANS: readonly string[] = ["deprecated", "enabled"];

/**
 * What {@linkcode pack} needs to push a Helm chart as `helm push` does: the chart, its provenance,
 * and the config and annotations that its `Chart.yaml` says. The tag is the chart's version, with `_`
 * for `+`; Helm takes the chart's name from the repository's last part.
 *
 * @example
 * ```ts
 * import { describe, helm, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * // What `helm package` writes; here a folder with the one file that a chart must have.
 * const made = new MemoryStore();
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/Chart.yaml`, "apiVersion: v2\nname: app\nversion: 1.2.3+4\n");
 * const { digest } = await pack(made, { artifactType: "a/b", files: [{ path: folder, title: "app" }] });
 * const manifest = await new Response(await made.open(await made.resolve(digest))).json();
 * const chart = await new Response(await made.open(manifest.layers[0])).bytes();
 *
 * const store = new MemoryStore();
 * const pushed = await pack(store, await helm({ chart }));
 * assertEquals((await store.resolve("1.2.3_4")).digest, pushed.digest);
 * const stored = await new Response(await store.open(pushed)).json();
 * assertEquals(describe(stored).kind, "helm-chart");
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {InvalidContentError} When it has no `Chart.yaml`, or one without a name or version, or one
 * with parts of YAML that charts do not have.
 * @throws {InvalidArchiveError} When it is no gzipped tar.
 */
export async function helm(options: HelmOptions): Promise<PackOptions> {
  checkArgument("options", options, "options");
  checkOptions(options, HELM_OPTIONS);
  const { chart, provenance } = options;
  const body = await presetBody(chart);
  const metadata = chartMetadata(readYaml(await chartYaml(body)));
  return {
    // As Go writes it, so that Helm and davit make the same config of the same chart.
    config: { body: goJson(metadata as GoValue), mediaType: ARTIFACT_TYPES.helmConfig },
    layers: [
      { body, mediaType: ARTIFACT_TYPES.helmChart },
      ...(provenance === undefined
        ? []
        : [{ body: await presetBody(provenance), mediaType: ARTIFACT_TYPES.helmProvenance }]),
    ],
    annotations: chartAnnotations(metadata),
    tag: String(metadata.version).replaceAll("+", "_"),
  };
}

export async function presetBody(file: PresetFile): Promise<Exclude<PackBody, string>> {
  if (typeof file !== "string") return file;
  const tree = localFiles(`pack ${file}`);
  return fileBody(tree, file, (await tree.stat(file)).size);
}

/** The text of the `Chart.yaml` in the chart's one folder; those of its dependencies lie deeper. */
async function chartYaml(body: Exclude<PackBody, string>): Promise<string> {
  const source = gunzip(await openBody(body).open(), LIMITS);
  for await (const { name, type, size, content } of readTar(source, LIMITS)) {
    if (type !== "file" || !/^[^/]+\/Chart\.yaml$/.test(name)) continue;
    if (size > MAX_CHART_YAML_BYTES) {
      throw new LimitError(`Cannot read ${name}: it has more than ${MAX_CHART_YAML_BYTES} bytes`, {
        limit: "chartYamlBytes",
        maximum: MAX_CHART_YAML_BYTES,
      });
    }
    const pieces: Bytes[] = [];
    for await (const piece of content) pieces.push(piece);
    return new TextDecoder().decode(concatBytes(pieces));
  }
  throw new InvalidContentError("Cannot pack the chart: it has no Chart.yaml");
}

type Metadata = Record<string, unknown>;

function chartMetadata(yaml: Yaml): Metadata {
  const metadata = pick(yaml, FIELDS, "Chart.yaml");
  for (const field of ["name", "version"]) {
    if (typeof metadata[field] !== "string" || metadata[field] === "") {
      throw new InvalidContentError(`Cannot pack the chart: its Chart.yaml has no ${field}`);
    }
  }
  const lists = [["maintainers", MAINTAINER_FIELDS], ["dependencies", DEPENDENCY_FIELDS]] as const;
  for (const [field, fields] of lists) {
    const list = metadata[field];
    if (list === undefined) continue;
    if (!Array.isArray(list)) {
      throw new InvalidContentError(`Cannot pack the chart: its ${field} are no list`);
    }
    metadata[field] = list.map((entry) => pick(entry, fields, field));
  }
  return metadata;
}

/** The fields that Helm knows, as it writes them; empty ones are left out. */
function pick(yaml: Yaml, fields: readonly string[], what: string): Metadata {
  if (!isObject(yaml)) {
    throw new InvalidContentError(`Cannot pack the chart: ${what} is no mapping`);
  }
  return Object.fromEntries(fields.flatMap((field): [string, unknown][] => {
    const value = Object.hasOwn(yaml, field) ? yaml[field] : null;
    if (value === null || value === undefined || value === "") return [];
    if (!BOOLEANS.includes(field)) return [[field, value]];
    return value === "true" ? [[field, true]] : [];
  }));
}

/** What `helm push` says of a chart in annotations: the chart's own come last, its name stays. */
function chartAnnotations(metadata: Metadata): Record<string, string> {
  const { name, version, description, home, sources, maintainers, annotations } = metadata;
  const authors = (maintainers as Metadata[] | undefined ?? [])
    .map(({ name = "", email }) => email ? `${name} (${email})` : String(name)).join(", ");
  const said: Record<string, unknown> = {
    description,
    url: home,
    source: Array.isArray(sources) ? sources[0] : undefined,
    authors: authors || undefined,
  };
  const all: Record<string, unknown> = {
    ...Object.fromEntries(
      Object.entries(said).map(([key, value]) => [`org.opencontainers.image.${key}`, value]),
    ),
    ...(annotations as Metadata | undefined),
    "org.opencontainers.image.title": name,
    "org.opencontainers.image.version": version,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === "string")
      .sort(([one], [other]) => one < other ? -1 : 1),
  );
}

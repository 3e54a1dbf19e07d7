/** The `package.json` of the npm package: the same whichever tools built the rest. */
import { COMMAND_NAME, type EntryPoint, type Project } from "./project.ts";
import type { Repository } from "./repository.ts";

/** The folder of the ES modules, in the package. */
export const ESM = "esm";

/** The folder of the CommonJS modules, in the package. */
export const SCRIPT = "script";

/** The folder of the command, in the package. */
const BIN = "bin";

export const COMMAND_FILE: string = `${BIN}/${COMMAND_NAME}.mjs`;

/** The folder of the ES modules merged into few files, which runtimes load. */
export const MERGED = `${ESM}/merged`;

/** The Node versions whose `require` takes ES modules, which some dependencies are. */
const NODE = "^20.19.0 || >=22.12.0";

/** A module of the package: what runs, and what TypeScript reads. */
interface Target {
  types: string;
  /** What Node, Bun and Deno load, where bundlers for the web take another. */
  node?: string;
  default: string;
}

/** An entry point in both formats. TypeScript asks for `types` before anything else. */
interface ExportTargets {
  import: Target;
  require: Target;
}

export interface Manifest {
  name: string;
  version: string;
  /** Every entry point in both formats. */
  exports: Record<string, ExportTargets>;
  /** The npm packages it needs, with ranges of their versions. */
  dependencies: Record<string, string>;
  /** Everything else that npm and bundlers read. */
  [field: string]: unknown;
}

function target(folder: string, { file }: EntryPoint): Target {
  const name = file.replace(/\.ts$/, "");
  const path = `./${folder}/${name}`;
  const node = folder === ESM && { node: `./${MERGED}/${name}.js` };
  return { types: `${path}.d.ts`, ...node, default: `${path}.js` };
}

export function packageManifest(
  { name, version, license, entryPoints }: Project,
  dependencies: Record<string, string>,
  repository?: Repository,
): Manifest {
  const exports = Object.fromEntries(entryPoints.map((entry) => [entry.name, {
    import: target(ESM, entry),
    require: target(SCRIPT, entry),
  }]));
  const main = exports["."];
  if (main === undefined) throw new Error("Cannot make package.json: there is no main entry point");
  return {
    name,
    version,
    description: "An OCI and Docker registry client: pull and push, verified and streamed",
    keywords: ["oci", "docker", "registry", "container", "image", "distribution", "client"],
    license,
    ...(repository && { repository }),
    type: "commonjs",
    // For tools older than `exports`.
    main: main.require.default,
    module: main.import.default,
    types: main.require.types,
    exports,
    bin: { [COMMAND_NAME]: `./${COMMAND_FILE}` },
    files: [ESM, SCRIPT, BIN],
    sideEffects: false,
    engines: { node: NODE },
    publishConfig: { access: "public" },
    dependencies: Object.fromEntries(Object.entries(dependencies).sort()),
  };
}

/**
 * The `package.json` of a format's folder. It says again that nothing has side effects, as bundlers
 * ask the nearest one.
 */
export function formatManifest(folder: string): Record<string, unknown> {
  return { type: folder === ESM ? "module" : "commonjs", sideEffects: false };
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
